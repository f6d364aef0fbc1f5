"""From the residual stream to the logits: norms, head, what a layer writes."""
