"""Other edits of the same matrix, beside which a super weight's effect is read (docs/methods.md#controls)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from torch import Tensor

from swa.engine.variants.controls import nearest_in_size
from swa.stats import seeded_generator


def control_scalars(
    matrix: Tensor,
    scalar: tuple[int, int],
    *,
    n: int,
    special: Iterable[tuple[int, int]],
    seed: int,
    name: str,
) -> list[tuple[int, int]]:
    """Draw control scalars: the nearest in |w| first, then some from anywhere in the matrix.

    None lies in the row or the column of a super weight, candidate or published coordinate of the matrix.

    Args:
        matrix: `W`, `(d_model, d_ff)`.
        scalar: Row and column of the super weight.
        n: How many: ceil(n/2) nearest in size, floor(n/2) uniform; fewer where the matrix has no more.
        special: Rows and columns of the other super weights, candidates and published coordinates of the matrix.
        seed: Seed of the uniform ones.
        name: The coordinate, on which the draw depends beside the seed.
    """
    taken = [scalar, *special]
    excluded: list[tuple[int | slice, int | slice]] = []
    for row, col in taken:
        excluded += [(row, slice(None)), (slice(None), col)]
    chosen = nearest_in_size(matrix, scalar, n=(n + 1) // 2, excluded=excluded)
    rows = np.setdiff1d(np.arange(matrix.shape[0]), [row for row, _ in taken])
    cols = np.setdiff1d(np.arange(matrix.shape[1]), [col for _, col in taken])
    n_uniform = min(n // 2, len(rows) * len(cols) - len(chosen))
    generator = seeded_generator(seed, "controls", name)
    n_wanted = len(chosen) + n_uniform
    while len(chosen) < n_wanted:
        place = (int(generator.choice(rows)), int(generator.choice(cols)))
        if place not in chosen:
            chosen.append(place)
    return chosen
