"""Every test of the command line starts with a clean environment and in an empty folder."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from swa.cli.main import run
from tests.unit.cli.evaluate_fakes import EvaluateMachinery
from tests.unit.cli.fakes import Machinery
from tests.unit.cli.vocab_fakes import VocabMachinery


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
    return Machinery().install(monkeypatch)


@pytest.fixture
def swa(capsys) -> Callable[..., Called]:
    def call(*words: str) -> Called:
        code = run(list(words))
        captured = capsys.readouterr()
        return Called(code, captured.out, captured.err)

    return call


@pytest.fixture
def evaluation(monkeypatch) -> EvaluateMachinery:
    return EvaluateMachinery().install(monkeypatch)


@pytest.fixture
def drawn_evaluation(monkeypatch) -> EvaluateMachinery:
    """As `evaluation`, with real figures."""
    return EvaluateMachinery().install(monkeypatch, figures=True)


@pytest.fixture
def vocabulary(monkeypatch) -> VocabMachinery:
    """For `swa vocab` and `swa cascade`."""
    return VocabMachinery().install(monkeypatch)


@pytest.fixture
def drawn_vocabulary(monkeypatch) -> VocabMachinery:
    """As `vocabulary`, with real figures."""
    return VocabMachinery().install(monkeypatch, figures=True)


@pytest.fixture
def stdin(monkeypatch) -> Callable[[bytes], None]:
    """Gives standard input its content."""

    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    return give
