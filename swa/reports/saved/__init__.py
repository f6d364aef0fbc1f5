"""What is saved of a model, found and read."""
