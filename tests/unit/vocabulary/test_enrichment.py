"""Enrichment against scipy, class by class."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from swa.data.token_classes import CLASSES, token_classes
from swa.vocabulary.enrichment import enrichment

WORDS = [f" word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(200)]
DIGITS = list("0123456789")
TEXTS = [*WORDS, *DIGITS, "\n", "\n\n", "é", "(", "))", "+", ",", "!", "?"]
CLASSED = token_classes(TEXTS)
EFFECTS = np.random.default_rng(3).normal(size=len(TEXTS)) + 3.0 * np.array([text.isdigit() for text in TEXTS])


def by_name(effects=EFFECTS, classes=CLASSED):
    return {one.class_: one for one in enrichment(effects, classes)}


def test_every_number_is_scipys():
    found = by_name()
    deviation = EFFECTS.std()
    p_values = []
    for name, one in found.items():
        members = CLASSED.members[CLASSES.index(name)]
        own, rest = EFFECTS[members], EFFECTS[~members]
        test = stats.ttest_ind(own, rest, equal_var=False)
        assert one.n == members.sum()
        assert one.mean_diff == pytest.approx((own.mean() - rest.mean()) / deviation, rel=1e-9)
        assert one.t == pytest.approx(test.statistic, rel=1e-9)
        between = len(own) * (own.mean() - EFFECTS.mean()) ** 2 + len(rest) * (rest.mean() - EFFECTS.mean()) ** 2
        assert one.score == pytest.approx(between / ((EFFECTS - EFFECTS.mean()) ** 2).sum(), rel=1e-9)
        p_values.append(test.pvalue)
    q_values = stats.false_discovery_control(p_values)
    assert [one.q for one in found.values()] == pytest.approx(q_values.tolist(), rel=1e-9)


def test_the_planted_class_is_first_with_its_strongest_tokens():
    first = enrichment(EFFECTS, CLASSED)[0]
    assert first.class_ in ("digits", "digits_years")
    strongest = sorted(DIGITS, key=lambda text: -EFFECTS[TEXTS.index(text)])
    assert first.examples == strongest[:5]
    lowered = enrichment(-EFFECTS, CLASSED)[0]
    assert lowered.class_ == first.class_
    assert lowered.mean_diff == pytest.approx(-first.mean_diff)
    assert lowered.examples == first.examples


def test_small_classes_are_left_out():
    assert {"newline", "parentheses", "years", "url"}.isdisjoint(by_name())  # two, two, none, none
    assert "punctuation" in by_name()


def test_equal_effects_have_nothing_to_compare():
    assert enrichment(np.ones(len(TEXTS)), CLASSED) == []
