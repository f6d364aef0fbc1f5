"""Every test of runs starts in an empty folder."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
