"""The numbers of the golden calls are those that are stored, or `NUMBERS` says that they are others."""

from __future__ import annotations

import json

import pytest

import swa
from tests.support.golden_calls import calls
from tests.support.golden_numbers import STORED, Headline, headlines

AGAIN = "`python -m tests.support.golden_numbers` stores them as they are now"
GOLDEN = json.loads(STORED.read_text())


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> dict[str, dict[str, Headline]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SWA_DATA_DIR", raising=False)
        return headlines(tmp_path_factory.mktemp("golden"))


def test_the_stored_numbers_are_of_this_version():
    assert GOLDEN["numbers"] == swa.NUMBERS, f"the stored numbers are those of NUMBERS = {GOLDEN['numbers']}; {AGAIN}"


def same(stored: float | str, found: float | str) -> bool:
    """Equal but for the last digit, which rounding may change on another machine; what is not finite is a word."""
    if isinstance(stored, float) and isinstance(found, float):
        return abs(stored - found) < 1.5e-4 + 1e-5 * abs(stored)
    return stored == found


@pytest.mark.parametrize("call", [call.name for call in calls("")])
def test_numbers_are_as_stored(measured, call):
    stored = GOLDEN["calls"][call]
    assert measured[call].keys() == stored.keys()
    for model, numbers in stored.items():
        found = measured[call][model]
        assert found.keys() == numbers.keys()
        others = {name: (number, found[name]) for name, number in numbers.items() if not same(number, found[name])}
        assert not others, (
            f"{call} of {model} gives other numbers. If they are meant to: raise NUMBERS in swa/versions.py, say in "
            f"CHANGELOG what changed; {AGAIN}"
        )
