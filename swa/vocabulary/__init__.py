"""What neurons write into the vocabulary, and what super weights do to predictions."""
