"""Figures and pages from records; no model is needed.."""
