"""Answers come back to the bit, and what is unreadable counts as missing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from swa.store.ledger import Answer, FileLedger


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def ledger(tmp_path, said) -> FileLedger:
    return FileLedger(tmp_path / "ledger", warn=said.append)


def test_values_come_back_to_the_bit(ledger):
    answer = Answer({"loss": 0.1 + 0.2, "broken": math.nan, "far": math.inf}, notes=("a note",), seconds=1.5)
    ledger.put("k", answer)
    again = ledger.get("k")
    assert again.values["loss"] == 0.1 + 0.2
    assert math.isnan(again.values["broken"])
    assert again.values["far"] == math.inf
    assert (again.notes, again.seconds) == (("a note",), 1.5)


def test_arrays_come_back_to_the_bit(ledger):
    array = np.array([np.nan, 1 / 3, -0.0], dtype=np.float64)
    ledger.put("k", Answer({"n": 3}, {"nll/a": array, "ids": np.arange(3)}))
    again = ledger.get("k")
    assert again.arrays["nll/a"].tobytes() == array.tobytes()
    assert again.values == {"n": 3}
    assert set(again.arrays) == {"nll/a", "ids"}


def test_another_run_finds_them_unless_it_begins_afresh(ledger, said, tmp_path):
    ledger.put("k", Answer())
    assert FileLedger(tmp_path / "ledger", warn=said.append).has("k")
    fresh = FileLedger(tmp_path / "ledger", warn=said.append, fresh=True)
    assert not fresh.has("k")
    fresh.put("k", Answer({"new": True}))
    assert fresh.has("k")
    assert fresh.n_kept == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\x00\xff"])
@pytest.mark.parametrize("suffix", ["answer", "npz"])
def test_what_cannot_be_read_is_said_and_counts_as_missing(ledger, said, content, suffix):
    ledger.folder.mkdir()
    (ledger.folder / f"k.{suffix}").write_bytes(content)
    assert not ledger.has("k")
    assert "computed again" in said[0]


def test_what_is_not_there_is_missing(ledger):
    assert not ledger.has("k")
    with pytest.raises(KeyError):
        ledger.get("k")


def test_a_changed_byte_in_an_array_is_found_before_it_is_used(ledger, said, tmp_path):
    ledger.put("k", Answer({}, {"a": np.arange(100.0)}))
    (path,) = tmp_path.rglob("k.npz")
    content = bytearray(path.read_bytes())
    at = content.index(np.arange(100.0)[50:60].tobytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))
    assert not ledger.has("k")
    assert "is computed again" in said[0]
