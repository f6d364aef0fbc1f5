"""Control scalars: near in size or anywhere, never near another super weight, the same for the same seed."""

from __future__ import annotations

import pytest
import torch

from swa.vocabulary.controls import control_scalars

MATRIX = torch.randn(12, 20, generator=torch.Generator().manual_seed(0))
SCALAR = (3, 5)
SPECIAL = [(7, 11), (3, 8)]


def draw(n=5, *, matrix=MATRIX, special=SPECIAL, seed=42, name="L0.mlp.down_proj[3,5]"):
    return control_scalars(matrix, SCALAR, n=n, special=special, seed=seed, name=name)


def test_the_nearest_in_size_come_first():
    size = (MATRIX.abs() - MATRIX[SCALAR].abs()).abs()
    allowed = [(row, col) for row in range(12) for col in range(20) if row not in (3, 7) and col not in (5, 8, 11)]
    nearest = sorted(allowed, key=lambda place: size[place].item())
    for n, n_nearest in ((1, 1), (2, 1), (3, 2), (6, 3)):
        found = draw(n)
        assert len(set(found)) == len(found) == n
        assert found[:n_nearest] == nearest[:n_nearest]
        assert set(found) <= set(allowed)


def test_ties_go_by_index():
    assert draw(4, matrix=torch.ones(12, 20))[:2] == [(0, 0), (0, 1)]


def test_the_uniform_ones_depend_on_seed_and_coordinate():
    assert draw() == draw()
    assert draw(seed=1)[:3] == draw(seed=2)[:3]
    assert draw(seed=1) != draw(seed=2)
    assert draw(name="L0.mlp.down_proj[3,6]") != draw()


@pytest.mark.parametrize(("shape", "n_left"), [((2, 2), 1), ((2, 3), 2), ((1, 5), 0)])
def test_a_small_matrix_has_fewer(shape, n_left):
    found = control_scalars(torch.ones(shape), (0, 0), n=6, special=[], seed=1, name="x")
    assert len(found) == n_left
