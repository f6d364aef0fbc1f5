"""Sums of a pass on disk: found again by their key, written whole, thrown away when done."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from swa.engine.measures.passes import PassSums
from swa.store.atomic import WriteError
from swa.store.passes import FilePassBook

KEY, OTHER = "a" * 64, "b" * 64
ARRAYS = {
    "n_batches": np.array(3),
    "n_targets": np.array([5, 7]),
    "metrics/L1.mlp.down_proj[5,7] control 1,2": np.array([[0.1, np.inf], [np.nan, -0.0]]),
}


def book(path, key=KEY, **details):
    said = details.pop("said", [])
    return FilePassBook(path / "pass.npz", key, warn=said.append, **details)


def same(one, other):
    assert one.keys() == other.keys()
    for name, array in one.items():
        assert array.dtype == other[name].dtype
        np.testing.assert_array_equal(array, other[name])


def test_what_is_saved_last_is_found_again(tmp_path):
    assert book(tmp_path).load() is None
    first = book(tmp_path)
    first.save({"n_batches": np.array(1)})
    first.save(ARRAYS)
    assert first.n_saved == 2
    same(book(tmp_path).load(), ARRAYS)
    assert [path.name for path in tmp_path.iterdir()] == ["pass.npz"]


def test_sums_of_the_engine_survive(tmp_path):
    sums = PassSums(2, {"baseline": np.ones((2, 5))}, np.array([3, 4]), {"baseline": np.ones(9)}, {"x": np.zeros(9)})
    book(tmp_path).save(sums.arrays())
    again = PassSums.of(book(tmp_path).load())
    assert again.n_batches == 2
    same(again.arrays(), sums.arrays())


def test_sums_of_another_pass_are_not_used_and_are_replaced(tmp_path):
    said = []
    book(tmp_path).save(ARRAYS)
    other = book(tmp_path, OTHER, said=said)
    assert other.load() is None
    other.save({"n_batches": np.array(1)})
    assert book(tmp_path).load() is None
    assert said == []


def test_a_fresh_book_uses_nothing(tmp_path):
    book(tmp_path).save(ARRAYS)
    assert book(tmp_path, fresh=True).load() is None


@pytest.mark.parametrize("n_bytes", [0, 1, 50, 400])
def test_a_file_that_is_cut_or_something_else_is_said(tmp_path, n_bytes):
    book(tmp_path).save(ARRAYS)
    path = tmp_path / "pass.npz"
    path.write_bytes(path.read_bytes()[:n_bytes])
    said = []
    assert book(tmp_path, said=said).load() is None
    assert len(said) == 1
    assert str(path) in said[0]


def test_an_array_alone_is_no_pass(tmp_path):
    with (tmp_path / "pass.npz").open("wb") as stream:
        np.savez(stream, n_batches=np.array(1))
    assert book(tmp_path).load() is None


def test_pickled_objects_are_never_read(tmp_path):
    with (tmp_path / "pass.npz").open("wb") as stream:
        np.savez(stream, n_batches=np.array([{}], dtype=object))
    said = []
    assert book(tmp_path, said=said).load() is None
    assert len(said) == 1


def test_what_is_done_is_thrown_away(tmp_path):
    one = book(tmp_path)
    one.save(ARRAYS)
    one.discard()
    one.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_known_error_and_leaves_the_last_sums(tmp_path, monkeypatch):
    one = book(tmp_path)
    one.save(ARRAYS)

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="No space left"):
        one.save({"n_batches": np.array(9)})
    assert one.n_saved == 1
    same(book(tmp_path).load(), ARRAYS)
