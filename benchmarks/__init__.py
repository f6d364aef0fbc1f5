"""Ratios of speed against peers, printed by scripts that are run by hand."""
