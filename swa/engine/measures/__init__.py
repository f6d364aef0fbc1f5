"""What is kept of the logits and layers of a forward pass."""
