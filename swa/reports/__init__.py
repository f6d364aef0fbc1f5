"""Figures and pages from records."""
