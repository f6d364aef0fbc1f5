"""From what the user named to a model in memory."""
