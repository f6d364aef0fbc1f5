"""Every test of the command line starts with a clean environment and in an empty folder."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from swa.cli.main import run
from swa.runs.driver.models import Outcomes


class Called(NamedTuple):
    """A finished call."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def records(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(autouse=True, scope="module")
def clean() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith("SWA_")]:
            patched.delenv(name)
        for name in ("TRANSFORMERS_VERBOSITY", "DATASETS_VERBOSITY", "HF_HUB_VERBOSITY"):
            patched.setenv(name, "error")
        patched.setenv("COLUMNS", "120")
        yield


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def swa() -> Callable[..., Called]:
    def call(*words: str) -> Called:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(list(words))
        return Called(code, out.getvalue(), err.getvalue())

    return call


@pytest.fixture(scope="session")
def elsewhere(swa, tmp_path_factory) -> Callable[..., tuple[Called, Path]]:
    """Runs the program in a folder of its own, which several tests may copy or look at."""

    def call(*words: str) -> tuple[Called, Path]:
        place = tmp_path_factory.mktemp("elsewhere")
        with chdir(place):
            called = swa(*words)
        assert called.code == 0, called.err
        return called, place

    return call


@pytest.fixture
def handed(monkeypatch) -> list[SimpleNamespace]:
    """What commands hand to `swa.runs`, which does nothing with it."""
    calls: list[SimpleNamespace] = []

    def nothing(models, options, **rest) -> Outcomes[Any]:
        calls.append(SimpleNamespace(models=models, options=options, **rest))
        return Outcomes([])

    for name in ("detect", "evaluate", "vocab", "cascade"):
        monkeypatch.setattr(f"swa.runs.{name}", nothing)
    return calls
