"""What a detection knows of routed experts."""
