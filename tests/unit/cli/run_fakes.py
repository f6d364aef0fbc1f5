"""Stand-ins for `swa run`: those of all its steps, and nothing is drawn for report and comparison."""

from __future__ import annotations

from typing import Self

import pytest

from swa.models.loading.reference import ModelReference
from tests.unit.cli.vocab_fakes import VocabMachinery


class RunMachinery(VocabMachinery):
    """What `swa run` calls, replaced.

    Attributes:
        fetched: Every model that was asked for.
    """

    figures = (*VocabMachinery.figures, "depth", "impact_of_runs")

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[ModelReference] = []

    def fetch(self, reference, **details):
        self.fetched.append(reference)
        return super().fetch(reference, **details)

    def install(self, monkeypatch: pytest.MonkeyPatch, *, figures: bool = False) -> Self:
        if not figures:
            for section in ("detection", "impact"):  # they hold the function itself, and must not keep the stand-in
                monkeypatch.setattr(f"swa.reports.sections.{section}.png", lambda _figure: b"\x89PNG, as it were")
        return super().install(monkeypatch, figures=figures)
