"""Cascade: the effect of a removal layer by layer, through the logit lens."""
