"""lm-evaluation-harness: its tasks, its requests, its metrics."""
