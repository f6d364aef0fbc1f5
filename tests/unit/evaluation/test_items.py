"""The choice of items."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swa.evaluation.harness.items import choose_items, share_out


class TestChoice:
    @given(st.integers(1, 300), st.integers(1, 400), st.integers(0, 5))
    def test_ascending_without_repetition_within_range(self, n_docs, n_items, seed):
        chosen = choose_items(n_docs, n_items=n_items, seed=seed, leaf="x")
        assert list(chosen) == sorted(set(chosen))
        assert len(chosen) == min(n_docs, n_items)
        assert chosen[0] >= 0
        assert chosen[-1] < n_docs

    def test_the_published_rule(self):
        expected = sorted(random.Random("42:mmlu_anatomy").sample(range(135), 10))
        assert list(choose_items(135, n_items=10, seed=42, leaf="mmlu_anatomy")) == expected

    def test_seed_and_name_decide(self):
        first = choose_items(1000, n_items=20, seed=1, leaf="a")
        assert first == choose_items(1000, n_items=20, seed=1, leaf="a")
        assert first != choose_items(1000, n_items=20, seed=2, leaf="a")
        assert first != choose_items(1000, n_items=20, seed=1, leaf="b")


class TestShares:
    @given(st.integers(1, 60), st.integers(1, 300), st.integers(0, 5))
    def test_spread_evenly_and_complete(self, n_leaves, n_items, seed):
        leaves = [f"leaf_{i}" for i in range(n_leaves)]
        shares = share_out(leaves, n_items=n_items, seed=seed, group="g")
        assert sum(shares.values()) == n_items
        assert set(shares.values()) <= {n_items // n_leaves, n_items // n_leaves + 1} - {0}
        assert list(shares) == [leaf for leaf in leaves if leaf in shares]

    def test_who_gets_one_more_is_seeded_and_does_not_depend_on_the_order(self):
        leaves = [f"leaf_{i}" for i in range(57)]
        shares = share_out(leaves, n_items=30, seed=1, group="g")
        assert len(shares) == 30
        assert shares == share_out(leaves[::-1], n_items=30, seed=1, group="g")
        assert shares.keys() != share_out(leaves, n_items=30, seed=2, group="g").keys()
        assert list(shares) != leaves[:30]

    @pytest.mark.parametrize("n_items", [1, 56, 57, 58])
    def test_around_the_number_of_leaves(self, n_items):
        shares = share_out([str(i) for i in range(57)], n_items=n_items, seed=0, group="g")
        assert sorted(shares.values()) == sorted([1] * min(57, n_items) if n_items < 58 else [1] * 56 + [2])
