"""Files: never half written, never in the wrong folder, never two runs at once."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from swa.errors import UsageError
from swa.store.atomic import WriteError, write_bytes, write_text
from swa.store.jsonl import append_line, read_lines, repair
from swa.store.names import MAX_LENGTH, model_folder_name, timestamp
from swa.store.tree import ModelFolder


class TestAtomic:
    def test_writes_and_replaces(self, tmp_path):
        path = tmp_path / "a.json"
        write_text(path, "one")
        write_text(path, "zwö")
        assert path.read_bytes() == "zwö".encode()
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize(("place", "name"), [(os, "fsync"), (Path, "replace"), (Path, "open")])
    def test_a_full_disk_leaves_the_old_file(self, tmp_path, monkeypatch, place, name):
        path = tmp_path / "a.json"
        write_text(path, "old")

        def full(*_args, **_kwargs):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(place, name, full)
            with pytest.raises(WriteError, match="No space left"):
                write_text(path, "new")
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_folder_that_was_deleted_is_a_known_error(self, tmp_path):
        with pytest.raises(WriteError, match="could not be written"):
            write_bytes(tmp_path / "gone" / "a.json", b"x")

    def test_a_folder_in_the_place_of_the_file_is_a_known_error(self, tmp_path):
        (tmp_path / "a.json").mkdir()
        with pytest.raises(WriteError, match="could not be written"):
            write_bytes(tmp_path / "a.json", b"x")
        assert list(tmp_path.iterdir()) == [tmp_path / "a.json"]

    @pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o002, 0o664)])
    def test_who_may_read_a_file_is_the_users_choice(self, tmp_path, mask, mode):
        before = os.umask(mask)
        try:
            write_text(tmp_path / "a.json", "x")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == mode

    def test_an_interrupt_leaves_nothing_behind(self, tmp_path, monkeypatch):
        def interrupted(_descriptor):
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_text(tmp_path / "a.json", "x")
        assert list(tmp_path.iterdir()) == []


class TestJsonLines:
    def test_append_and_read(self, tmp_path):
        path = tmp_path / "a.jsonl"
        append_line(path, '{"a": 1}')
        append_line(path, '{"b": "ü"}')
        assert read_lines(path).rows == ('{"a": 1}', '{"b": "ü"}')
        assert not read_lines(path).torn

    @pytest.mark.parametrize("rest", [b'{"b": ', b'{"b": 2}', b'{"b": \n', b'{"b": \n\n', b"\xff", b"\xff\n"])
    def test_a_torn_line_is_left_out_and_said(self, tmp_path, rest):
        path = tmp_path / "a.jsonl"
        path.write_bytes(b'{"a": 1}\n' + rest)
        lines = read_lines(path)
        assert lines.rows == ('{"a": 1}',)
        assert lines.torn

    def test_after_repair_the_next_line_stands_alone(self, tmp_path):
        path = tmp_path / "a.jsonl"
        path.write_bytes(b'{"a": 1}\n{"b": ')
        assert repair(path)
        append_line(path, '{"c": 3}')
        assert path.read_text() == '{"a": 1}\n{"c": 3}\n'
        assert not repair(path)

    def test_a_repair_leaves_every_byte_before_the_torn_line(self, tmp_path):
        path = tmp_path / "a.jsonl"
        kept = b'{"a": "\xff"}\n\n{"b": 2}\n'
        path.write_bytes(kept + '{"c": "ü'.encode()[:-1])
        assert repair(path)
        assert path.read_bytes() == kept

    def test_a_repair_that_fails_is_a_known_error_and_harms_nothing(self, tmp_path, monkeypatch):
        def full(_descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        path = tmp_path / "a.jsonl"
        path.write_bytes(b'{"a": 1}\n{"b": ')
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(WriteError, match="No space left"):
            repair(path)
        assert path.read_bytes() == b'{"a": 1}\n{"b": '

    def test_appending_to_a_deleted_folder_is_a_known_error(self, tmp_path):
        with pytest.raises(WriteError, match="could not be written"):
            append_line(tmp_path / "gone" / "a.jsonl", "{}")

    def test_a_missing_file_is_empty(self, tmp_path):
        assert read_lines(tmp_path / "none.jsonl").rows == ()
        assert not repair(tmp_path / "none.jsonl")


class TestNames:
    @pytest.mark.parametrize(
        ("name", "folder"),
        [
            ("allenai/OLMo-1B-0724-hf", "allenai--OLMo-1B-0724-hf"),
            ("demo", "demo"),
            ("org/mödel x", "org--m-del-x"),
            ("../..", "----" + "--"),
        ],
    )
    def test_hub_ids(self, name, folder):
        assert model_folder_name(name) == folder

    def test_local_models_never_share_a_folder(self, tmp_path):
        one, two = tmp_path / "a" / "model", tmp_path / "b" / "model"
        names = {model_folder_name(str(path), path) for path in (one, two)}
        assert len(names) == 2
        assert all(name.startswith("model-") and len(name) == len("model-") + 8 for name in names)
        assert model_folder_name("x.gguf", tmp_path / "x.gguf").startswith("x-")

    def test_the_same_path_in_another_spelling_has_the_same_folder(self, tmp_path):
        (tmp_path / "m").mkdir()
        assert model_folder_name("m", tmp_path / "m") == model_folder_name("m", tmp_path / "x" / ".." / "m")

    def test_a_path_that_is_no_unicode_has_a_folder(self):
        one, two = (model_folder_name("x", Path(os.fsdecode(b"/models/" + end))) for end in (b"\xff", b"\xfe"))
        assert one != two
        assert one.isascii()

    def test_long_names_are_cut_and_stay_different(self):
        one, two = (model_folder_name("org/" + "m" * 200 + end) for end in "ab")
        assert one != two
        assert len(one) <= MAX_LENGTH

    @pytest.mark.parametrize("name", ["..", ".", "a/../b", "a/..", "\x00", "con/../../etc"])
    def test_no_name_leads_out_of_the_results(self, tmp_path, name):
        folder = (tmp_path / model_folder_name(name)).resolve()
        assert folder.parent == tmp_path

    def test_timestamps_do_not_collide(self):
        now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        taken = {"20260102_030405", "20260102_030405_2"}
        assert timestamp(taken.__contains__, now=now) == "20260102_030405_3"
        assert timestamp(lambda _: False, now=now) == "20260102_030405"


class TestTree:
    def test_folders_are_made(self, tmp_path):
        folder = ModelFolder(tmp_path / "results", "demo")
        folder.create()
        assert folder.data.is_dir()
        assert folder.detection("T") == tmp_path / "results/demo/data/detection_T.json"
        assert folder.log("T") == tmp_path / "results/demo/logs/analysis_T.log"

    def test_a_file_in_the_way_is_a_usage_error(self, tmp_path):
        (tmp_path / "results").write_text("a file")
        with pytest.raises(UsageError, match="cannot be written"):
            ModelFolder(tmp_path / "results", "demo").create()

    @pytest.mark.parametrize("which", ["path", "data", "plots", "logs"])
    def test_a_read_only_folder_is_a_usage_error(self, tmp_path, monkeypatch, which):
        folder = ModelFolder(tmp_path, "demo")
        writable = tempfile.TemporaryFile

        def read_only(**place):
            if place["dir"] == getattr(folder, which):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return writable(**place)

        monkeypatch.setattr("swa.store.tree.tempfile.TemporaryFile", read_only)
        with pytest.raises(UsageError, match="Read-only"):
            folder.create()

    def test_a_lock_that_cannot_be_made_is_a_usage_error(self, tmp_path):
        folder = ModelFolder(tmp_path, "demo")
        folder.create()
        (folder.path / ".lock").mkdir()
        with pytest.raises(UsageError, match="cannot be written"), folder.locked():
            pass

    def test_a_second_run_is_refused_and_a_killed_one_leaves_no_lock(self, tmp_path):
        folder = ModelFolder(tmp_path, "demo")
        folder.create()
        code = (
            "import sys, time; from pathlib import Path; from swa.store.tree import ModelFolder\n"
            f"with ModelFolder(Path({str(tmp_path)!r}), 'demo').locked():\n"
            "    print('locked', flush=True); time.sleep(60)"
        )
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        try:
            assert other.stdout.readline().strip() == "locked"
            with pytest.raises(UsageError, match="Another run"), folder.locked():
                pass
        finally:
            other.kill()
            other.communicate()
        with folder.locked():
            pass


def test_newest_detection_first(tmp_path: Path):
    folder = ModelFolder(tmp_path, "demo")
    folder.create()
    for stamp in ("20260101_000000", "20260102_000000", "20260101_000000_2"):
        folder.detection(stamp).write_text("{}")
    assert next(path.stem for path in folder.detections()) == "detection_20260102_000000"
