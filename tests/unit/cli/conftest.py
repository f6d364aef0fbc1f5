"""Every test of the command line starts with a clean environment and in an empty folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from swa.cli.main import run
from tests.unit.cli.fakes import Machinery, install


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


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("SWA_")]:
        monkeypatch.delenv(name)
    for name in ("TRANSFORMERS_VERBOSITY", "DATASETS_VERBOSITY", "HF_HUB_VERBOSITY"):
        monkeypatch.setenv(name, "error")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def machinery(monkeypatch) -> Machinery:
    return install(monkeypatch)


@pytest.fixture
def swa(capsys) -> Callable[..., Called]:
    def call(*words: str) -> Called:
        code = run(list(words))
        captured = capsys.readouterr()
        return Called(code, captured.out, captured.err)

    return call
