"""Super Weight Analysis: find the single scalars that a language model depends on."""
