"""Text: sources, token windows, what ships with the package.."""
