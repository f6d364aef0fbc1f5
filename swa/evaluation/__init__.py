"""Perplexity and accuracy of the intact model and with super weights removed."""
