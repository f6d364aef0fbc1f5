"""Sequences that begin alike, packed into rows with a tree mask."""
