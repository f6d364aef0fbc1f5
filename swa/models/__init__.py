"""Models: loading them, finding their down projections, reaching single scalars.."""
