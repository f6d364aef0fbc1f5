"""Scalars of a matrix that are like another one in size: what controls are chosen from."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def nearest_in_size(
    matrix: Tensor,
    scalar: tuple[int, int],
    *,
    n: int,
    excluded: Iterable[tuple[int | slice, int | slice]],
) -> list[tuple[int, int]]:
    """The scalars nearest in |w| to one, none of them in its row or column.

    Args:
        matrix: `W`, `(d_model, d_ff)`.
        scalar: Row and column.
        n: How many; fewer where the matrix has no more.
        excluded: Further places that may not be chosen, as indices of `W` (a whole row: `(row, slice(None))`).

    Returns:
        Row and column of each, the nearest first; of equally near ones the first in the matrix.
    """
    row, col = scalar
    distance = (matrix.float().abs() - matrix[row, col].float().abs()).abs_()
    distance[row, :] = torch.inf
    distance[:, col] = torch.inf
    for place in excluded:
        distance[place] = torch.inf
    distances = distance.flatten()
    farthest = distances.topk(min(n, len(distances)), largest=False).values[-1]
    places = ((distances <= farthest) & (distances < torch.inf)).nonzero().flatten()
    nearest = places[torch.sort(distances[places], stable=True).indices[:n]]
    return [divmod(place, matrix.shape[1]) for place in nearest.tolist()]
