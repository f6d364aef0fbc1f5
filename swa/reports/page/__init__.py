"""Documents of blocks, and their renderers."""
