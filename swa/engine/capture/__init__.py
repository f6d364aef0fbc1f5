"""What goes in and out of down projections and routers in a forward pass."""
