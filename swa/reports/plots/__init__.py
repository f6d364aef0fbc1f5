"""Figures: one a file, records in, a matplotlib figure out.."""
