"""Runs side by side: of several models, or of one model under several settings."""
