"""One model at work: how it is loaded, its folder locked once, the name that an unfinished run goes on under."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from swa.detection.options import DetectOptions
from swa.errors import UsageError
from swa.models.loading.options import LoadOptions
from swa.progress import SilentProgress
from swa.runs.driver.call import Call
from swa.runs.driver.model_run import open_run
from swa.runs.driver.provenance import write_block
from swa.store.tree import ModelFolder
from tests.support.artifacts import header


def opened(model: str, **load):
    return open_run(model, LoadOptions(**load), SilentProgress())


def test_every_option_of_loading_is_passed_on(monkeypatch):
    asked = []

    def fetch(reference, **details):
        asked.append((reference.revision, details))
        return SimpleNamespace(reference=reference)

    monkeypatch.setattr("swa.models.loading.load.fetch", fetch)
    monkeypatch.setattr("swa.models.loading.load.load_model", lambda _, **details: asked.append(details))
    options = {"dtype": "bfloat16", "device": "cpu", "max_memory": 4 << 30}
    shared = {"trust_remote_code": True, "cache_dir": Path("cache")}
    with opened("a/x", revision="abc", **options, **shared) as run:
        run.load()
    (revision, fetched), loaded = asked
    assert revision == "abc"
    for details, expected in ((fetched, shared), (loaded, options | shared)):
        assert details["progress"] is not None
        assert {name: details[name] for name in expected} == expected


def test_a_folder_is_locked_once_and_free_afterwards(helpful):
    with opened(helpful) as run:
        place = run.place(Path("results"), ModelFolder)
        assert run.place(Path("results"), ModelFolder) is place
        with opened(helpful) as other, pytest.raises(UsageError, match="Another run"):
            other.place(Path("results"), ModelFolder)
    with place.folder.locked():
        pass


def test_only_the_same_question_goes_on_under_its_name(helpful):
    call, other = (Call.of_python("detect", ["m"], [(DetectOptions(seed=seed), DetectOptions())]) for seed in (42, 1))
    warn = SilentProgress().warn
    with opened(helpful) as run:
        place = run.place(Path("results"), ModelFolder)
        assert place.stamp_of_unfinished(call, force=False) is None
        started = header(status="started", stamp="T").model_copy(update={"options": dict(call.options)})
        write_block(place.folder.run_config, started, warn)
        assert place.stamp_of_unfinished(call, force=False) == "T"
        assert place.stamp_of_unfinished(call, force=True) is None
        assert place.stamp_of_unfinished(other, force=False) is None
        write_block(place.folder.run_config, started.model_copy(update={"status": "complete"}), warn)
        assert place.stamp_of_unfinished(call, force=False) is None
