"""Down projections, found by following the data flow of one traced forward pass."""
