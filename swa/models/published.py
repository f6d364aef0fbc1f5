"""Coordinates published for certain checkpoints (Yu et al., arXiv 2411.07191, Table 2).

They mark matches and never replace detection: a coordinate is valid for its own checkpoint only.
"""

from __future__ import annotations

_PUBLISHED: dict[str, frozenset[tuple[int, int, int]]] = {
    "mistral-7b-v0.1": frozenset({(1, 2070, 7310)}),
    "llama-7b": frozenset({(2, 3968, 7003)}),
    "llama-13b": frozenset({(2, 2231, 2278), (2, 2231, 6939)}),
    "llama-30b": frozenset({(3, 5633, 12817), (3, 5633, 17439), (10, 5633, 14386)}),
    "llama-2-7b": frozenset({(1, 2533, 7890)}),
    "llama-2-13b": frozenset({(3, 4743, 7678)}),
    "meta-llama-3-8b": frozenset({(1, 788, 2427), (1, 1384, 2427), (1, 4062, 2427)}),
    "olmo-1b-0724": frozenset({(1, 1764, 1710), (2, 1764, 8041)}),
    "olmo-7b-0724": frozenset({(1, 269, 7467), (2, 269, 8275), (7, 269, 453), (24, 269, 2300)}),
    "phi-3-mini-4k-instruct": frozenset(
        {(2, 525, 808), (2, 1693, 808), (2, 1113, 808), (4, 525, 2723), (4, 1113, 2723), (4, 1693, 2723)}
    ),
}


def is_published(model: str, *, layer: int, row: int, col: int) -> bool:
    """Whether a coordinate is published for the checkpoint.

    Args:
        model: Hub id or path; its last part, without `-hf`, must be the checkpoint's name.
        layer: Layer.
        row: Output channel.
        col: Input channel.
    """
    return (row, col) in published_scalars(model, layer=layer)


def published_scalars(model: str, *, layer: int) -> set[tuple[int, int]]:
    """Row and column of every coordinate that is published for a layer of the checkpoint."""
    checkpoint = model.rstrip("/").rsplit("/", 1)[-1].lower().removesuffix("-hf")
    return {(row, col) for found, row, col in _PUBLISHED.get(checkpoint, ()) if found == layer}
