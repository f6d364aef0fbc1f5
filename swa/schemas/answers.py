"""Record of what is finished while an evaluation runs: the raw answers of one batch, for every variant."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import MISSING, Strict

from swa.schemas.base import Number, Record

Loglikelihood = Annotated[tuple[Number, bool], Strict(strict=False)]
"""Σ log p of a continuation in nats, and whether each of its tokens was the most likely one."""
SummedLoss = Annotated[tuple[Number, int], Strict(strict=False)]
"""−Σ log p of a text's targets in nats, and their number."""


class UnitAnswers(Record):
    """Answers of one batch of requests; an interrupted evaluation goes on behind the last of these lines."""

    record: Literal["UnitAnswers"] = "UnitAnswers"
    unit: str
    """`perplexity`, or the task or group as it was asked for."""
    key: str
    """sha256 over the weights, the requests and everything else that changes the answers."""
    indices: list[int]
    """Numbers of the answered requests; all lists below follow it."""
    losses: dict[str, list[SummedLoss]] | MISSING = MISSING
    """For texts, by variant (coordinates and factor; empty for the intact model)."""
    loglikelihoods: dict[str, list[Loglikelihood]] | MISSING = MISSING
    """For continuations and windows of documents, by variant."""
    generations: dict[str, list[str]] | MISSING = MISSING
    """For generation tasks, by variant."""
