"""Temporary files of a killed run go, and nothing else."""

from __future__ import annotations

from swa.store.atomic import remove_leftovers, written_whole


def test_what_a_kill_left_is_removed_and_everything_else_stays(tmp_path):
    (tmp_path / "deep").mkdir()
    left = [tmp_path / f".run_config.json.{'0a' * 8}", tmp_path / "deep" / f".pass.npz.{'f' * 16}"]
    kept = [tmp_path / ".lock", tmp_path / ".hidden.json", tmp_path / f"a.{'0' * 16}", tmp_path / f".a.{'G' * 16}"]
    for path in [*left, *kept]:
        path.write_text("x")
    remove_leftovers(tmp_path, deep=False)
    assert [path.exists() for path in left] == [False, True]
    remove_leftovers(tmp_path, deep=True)
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)


def test_names_of_temporary_files_are_recognised(tmp_path):
    with written_whole(tmp_path / "a.json") as stream:
        (name,) = [path.name for path in tmp_path.iterdir()]
        stream.write(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    (tmp_path / "a.json").unlink()
    (tmp_path / name).write_text("x")
    remove_leftovers(tmp_path, deep=True)
    assert list(tmp_path.iterdir()) == []
