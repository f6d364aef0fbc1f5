"""Scalars of similar size."""

from __future__ import annotations

import torch

from swa.engine.variants.controls import nearest_in_size

MATRIX = torch.tensor([[5.0, 4.9, 0.1, -5.1], [1.0, 5.05, -4.95, 0.0], [9.0, 5.0, 5.0, -5.2]])


def test_row_column_and_excluded_never_take_part():
    assert nearest_in_size(MATRIX, (0, 0), n=3, excluded=[(2, 1)]) == [(2, 2), (1, 1), (1, 2)]
    assert nearest_in_size(MATRIX, (0, 0), n=3, excluded=[(2, slice(None))]) == [(1, 1), (1, 2), (1, 3)]
    assert nearest_in_size(MATRIX, (0, 0), n=2, excluded=[(slice(None), 1), (slice(None), 2)]) == [(2, 3), (1, 3)]


def test_ties_go_by_position():
    assert nearest_in_size(MATRIX, (0, 0), n=1, excluded=[]) == [(2, 1)]


def test_a_small_matrix_gives_what_it_has():
    assert len(nearest_in_size(MATRIX, (0, 0), n=8, excluded=[])) == 6


def test_agrees_with_a_plain_sort():
    matrix = torch.randn(30, 40, generator=torch.Generator().manual_seed(0))
    target = float(matrix[3, 7].abs())
    places = [(r, c) for r in range(30) for c in range(40) if r != 3 and c != 7 and (r, c) != (4, 8)]
    places.sort(key=lambda place: abs(abs(float(matrix[place])) - target))
    assert nearest_in_size(matrix, (3, 7), n=8, excluded=[(4, 8)]) == places[:8]
