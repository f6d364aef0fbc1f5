"""Fixtures that several tests share. Tests of one file run in one process: what takes long is used by one file only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

DATA_REASON = "needs real data sets: set SWA_DATA_DIR to a folder in the hub's layout"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Local copies of the data sets."""
    folder = os.environ.get("SWA_DATA_DIR")
    if not folder:
        pytest.skip(DATA_REASON)
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory) -> Path:
    """Where the demo model is unpacked, once a session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def demo(cache_dir):
    """The real demo model."""
    from swa.models.loading.load import load_model

    return load_model("demo", cache_dir=cache_dir)


class Run(NamedTuple):
    """A finished subprocess and where it wrote."""

    done: subprocess.CompletedProcess
    results: Path

    @property
    def folder(self) -> Path:
        return self.results / "demo"


def run_swa(*words: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Run the program as a user does."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SWA_")}
    return subprocess.run(
        [sys.executable, "-m", "swa", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**inherited, "HF_HUB_OFFLINE": "1", **(env or {})},
        timeout=1500,
    )


@pytest.fixture(scope="session")
def demo_run(data_dir, cache_dir, tmp_path_factory) -> Run:
    """`swa detect demo` on WikiText-2, whole: the long run of the suite."""
    results = tmp_path_factory.mktemp("results")
    done = run_swa(
        "detect",
        "demo",
        "--dataset",
        "wikitext-2",
        "--data-dir",
        str(data_dir),
        "--cache-dir",
        str(cache_dir),
        "--results-dir",
        str(results),
    )
    return Run(done, results)
