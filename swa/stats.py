"""Statistics: paired bootstrap intervals, McNemar's test, comparison of groups, false discovery rates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

N_RESAMPLES = 2000
"""Resamples of a bootstrap (docs/methods.md#intervals)."""
MAX_DRAWS = 1 << 22
"""Draws held at once; all resamples of a whole benchmark would take hundreds of megabytes."""

Item = TypeVar("Item")


class Interval(NamedTuple):
    """A 95 % percentile interval."""

    low: float
    high: float


def seeded_generator(seed: int, *names: str) -> np.random.Generator:
    """A PCG64 generator that depends on the seed and on what is drawn for, not on what was drawn before."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


def exp_or_infinity(value: float) -> float:
    """The exponential of a value, infinite where it overflows."""
    with np.errstate(over="ignore"):
        return float(np.exp(value))


def log_or_infinity(value: float) -> float:
    """The logarithm of a value, −∞ of zero, NaN of NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.log(value))


def bootstrap_ratio_of_sums(
    numerators: ArrayLike,
    denominators: ArrayLike,
    *,
    generator: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
) -> Interval:
    """Interval of Σ numerators / Σ denominators when units (windows, texts) are drawn anew with replacement.

    For a paired difference the numerators are the units' differences.

    Args:
        numerators: One number a unit, e.g. the change of the summed loss of a window.
        denominators: One number a unit, e.g. its scored tokens.
        generator: Where the draws come from.
        n_resamples: How often the units are drawn anew.

    Returns:
        The 2.5 and 97.5 percentiles; infinities and NaN in the data show in them.
    """
    top = np.asarray(numerators, dtype=np.float64)
    bottom = np.asarray(denominators, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        ratios = [
            top[drawn].sum(axis=1) / bottom[drawn].sum(axis=1)
            for drawn in _resamples(len(top), generator, n_resamples=n_resamples)
        ]
    return _percentile_interval(np.concatenate(ratios))


def bootstrap_mean_difference(first: ArrayLike, second: ArrayLike, *, generator: np.random.Generator) -> Interval:
    """Interval of mean(first) − mean(second) when pairs are drawn anew with replacement.

    Args:
        first: One number an item.
        second: The same items' other number.
        generator: Where the draws come from.

    Returns:
        The 2.5 and 97.5 percentiles.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return bootstrap_ratio_of_sums(differences, np.ones(len(differences)), generator=generator)


def bootstrap_difference(
    first: Sequence[Item],
    second: Sequence[Item],
    aggregate: Callable[[list[Item]], float],
    *,
    generator: np.random.Generator,
) -> Interval:
    """Interval of aggregate(first) − aggregate(second) when pairs are drawn anew with replacement.

    Args:
        first: One value of any kind an item.
        second: The same items' other value.
        aggregate: From the values of all items to one number, e.g. a corpus score; called twice a resample.
        generator: Where the draws come from.

    Returns:
        The 2.5 and 97.5 percentiles; infinities and NaN of the aggregate show in them.
    """
    differences = [
        float(aggregate([first[i] for i in indices])) - float(aggregate([second[i] for i in indices]))
        for drawn in _resamples(len(first), generator)
        for indices in drawn.tolist()
    ]
    return _percentile_interval(np.asarray(differences))


def mcnemar_exact(first: ArrayLike, second: ArrayLike) -> float:
    """Two-sided exact p of McNemar's test: whether two classifiers are right equally often on the same items.

    Under the null hypothesis the items on which they differ are a fair coin's tosses (McNemar 1947, in the exact
    form of the binomial test).

    Args:
        first: Per item whether the first is right, 0 or 1.
        second: The same items' other answer.

    Returns:
        The p-value; 1 where they never differ.
    """
    from scipy.stats import binomtest

    right, other = np.asarray(first) != 0, np.asarray(second) != 0
    n_lost, n_won = int((right & ~other).sum()), int((~right & other).sum())
    return float(binomtest(n_lost, n_lost + n_won).pvalue) if n_lost + n_won else 1.0


class GroupContrasts(NamedTuple):
    """Some groups of numbers, each beside all other numbers; `(n_groups,)` each.

    Attributes:
        n: Numbers in the group.
        eta_squared: η² = variance between group and rest / whole variance, in [0, 1].
        mean_difference: Mean of the group − mean of the rest, in standard deviations of all numbers.
        t: Welch's t of the group against the rest.
        p: Its two-sided p-value; 0 where it is below the smallest float.
    """

    n: NDArray[np.int64]
    eta_squared: NDArray[np.float64]
    mean_difference: NDArray[np.float64]
    t: NDArray[np.float64]
    p: NDArray[np.float64]


def contrast_groups(values: ArrayLike, members: NDArray[np.bool_]) -> GroupContrasts:
    """Compare each of several groups of numbers with all the others (Welch 1947 for t, with unequal variances).

    Args:
        values: `(n_values,)`, not all equal.
        members: `(n_groups, n_values)`: which belong to which group; each group and its rest need two or more.
    """
    from scipy.stats import ttest_ind_from_stats

    numbers = np.asarray(values, dtype=np.float64)
    centred = numbers - numbers.mean()  # so that the squares of a large mean do not cancel
    squares = centred * centred
    n_all, total, total_squares = len(numbers), centred.sum(), squares.sum()
    n = members.sum(axis=1)
    sums = np.array([centred[group].sum() for group in members])
    sums_of_squares = np.array([squares[group].sum() for group in members])
    mean, mean_rest = sums / n, (total - sums) / (n_all - n)
    spread = np.sqrt(_sample_variance(sums_of_squares, mean, n))
    spread_rest = np.sqrt(_sample_variance(total_squares - sums_of_squares, mean_rest, n_all - n))
    difference = mean - mean_rest
    with np.errstate(divide="ignore", invalid="ignore"):  # groups without any spread
        t, p = ttest_ind_from_stats(mean, spread, n, mean_rest, spread_rest, n_all - n, equal_var=False)
    return GroupContrasts(
        n=n,
        eta_squared=np.clip(n * (n_all - n) / n_all * difference**2 / total_squares, 0.0, 1.0),
        mean_difference=difference / np.sqrt(total_squares / n_all),
        t=t,
        p=p,
    )


def false_discovery_rates(p_values: ArrayLike) -> NDArray[np.float64]:
    """Benjamini-Hochberg q-values: the rate of false discoveries if all with a p no larger are called discoveries.

    In ascending order q_i = min over j ≥ i of p_j · n / j, at most 1 (Benjamini and Hochberg 1995).
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty_like(p)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def _sample_variance(
    sums_of_squares: NDArray[np.float64], mean: NDArray[np.float64], n: NDArray[np.int64]
) -> NDArray[np.float64]:
    variance: NDArray[np.float64] = np.maximum(sums_of_squares - n * mean**2, 0.0) / (n - 1)
    return variance


def _resamples(
    n_units: int, generator: np.random.Generator, *, n_resamples: int = N_RESAMPLES
) -> Iterator[NDArray[np.int64]]:
    """Indices of the drawn units `(resamples, n_units)`, a block of resamples at a time."""
    block = max(1, MAX_DRAWS // max(1, n_units))
    for start in range(0, n_resamples, block):
        yield generator.integers(n_units, size=(min(block, n_resamples - start), n_units))


def _percentile_interval(values: NDArray[np.float64]) -> Interval:
    if np.isfinite(values).all():
        low, high = np.percentile(values, [2.5, 97.5])
    else:  # interpolation between two infinities would give NaN, where the percentile is infinite
        low, high = np.percentile(values, 2.5, method="lower"), np.percentile(values, 97.5, method="higher")
    return Interval(float(low), float(high))
