"""The command line.."""
