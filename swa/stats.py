"""Statistics: paired bootstrap intervals."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

N_RESAMPLES = 2000
"""Resamples of a bootstrap (7-decisions D5)."""


class Interval(NamedTuple):
    """A 95 % percentile interval."""

    low: float
    high: float


def seeded_generator(seed: int, *names: str) -> np.random.Generator:
    """A PCG64 generator that depends on the seed and on what is drawn for, not on what was drawn before."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


def bootstrap_ratio_of_sums(
    numerators: Sequence[float], denominators: Sequence[float], *, generator: np.random.Generator
) -> Interval:
    """Interval of Σ numerators / Σ denominators when units (windows, texts) are drawn anew with replacement.

    For a paired difference the numerators are the units' differences.

    Args:
        numerators: One number a unit, e.g. the change of the summed loss of a window.
        denominators: One number a unit, e.g. its scored tokens.
        generator: Where the draws come from.

    Returns:
        The 2.5 and 97.5 percentiles; infinities and NaN in the data show in them.
    """
    top: NDArray[np.float64] = np.asarray(numerators, dtype=np.float64)
    bottom: NDArray[np.float64] = np.asarray(denominators, dtype=np.float64)
    draws = generator.integers(len(top), size=(N_RESAMPLES, len(top)))
    with np.errstate(invalid="ignore"):
        ratios = top[draws].sum(axis=1) / bottom[draws].sum(axis=1)
        low, high = np.percentile(ratios, [2.5, 97.5])
    return Interval(float(low), float(high))
