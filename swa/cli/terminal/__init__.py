"""What the terminal gets: results, progress, errors."""
