"""The engine: the same tokens under a baseline and under edited weights.."""
