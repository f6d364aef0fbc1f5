"""How numbers, words and tokens are written, in one place."""
