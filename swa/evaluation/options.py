"""Choices of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from swa.data.options import DATA_DIR, CutOptions
from swa.errors import UsageError
from swa.options import BatchOptions, Option, SeedOptions
from swa.schemas.choices import Protocol


def _factor(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"'{text}' is not a finite number.")
    return value + 0.0  # -0 removes as 0 does


@dataclass(frozen=True)
class EvaluateOptions(BatchOptions, SeedOptions, CutOptions):
    """The choices of one evaluation.

    Attributes:
        scales: Factors; 0 removes.
        individual: Whether each super weight is edited alone.
        combined: Whether all are edited together.
        perplexity: Whether perplexity is measured.
        protocol: `paragraphs`: single paragraphs with the tokenizer's own special tokens; `windows`: overlapping
            windows over the whole text.
        perplexity_samples: Paragraphs at most.
        window_len: Text tokens in a window.
        stride: Step between windows.
        tokens: Scored tokens of the windows protocol.
        seed: Seed of the choice of paragraphs and of the bootstraps.
        batch_size: Rows (texts, or prompts that begin alike) that go through the model at once; `None`: by memory.
    """

    scales: Annotated[
        tuple[float, ...],
        Option(
            help="What the scalars are multiplied with, one after the other; 0 removes.",
            section="Super weights",
            changes="choice",
            metavar="FACTOR...",
            read=_factor,
        ),
    ] = (0.0,)
    individual: Annotated[
        bool,
        Option(
            help="Leave out each super weight alone.",
            section="Super weights",
            changes="choice",
            name="skip_individual",
            negated=True,
        ),
    ] = True
    combined: Annotated[
        bool,
        Option(
            help="Leave out all of them together.",
            section="Super weights",
            changes="choice",
            name="skip_combined",
            negated=True,
        ),
    ] = True
    perplexity: Annotated[
        bool,
        Option(
            help="Measure accuracy only.",
            section="Perplexity",
            changes="choice",
            name="skip_perplexity",
            negated=True,
        ),
    ] = True
    protocol: Annotated[
        Protocol,
        Option(
            help="paragraphs: a seeded choice of single paragraphs; windows: overlapping windows over the whole text.",
            section="Perplexity",
            changes="items",
        ),
    ] = "paragraphs"
    perplexity_samples: Annotated[
        int, Option(help="Paragraphs at most.", section="Perplexity", changes="items", minimum=1, metavar="N")
    ] = 500

    def __post_init__(self) -> None:
        """Refuse what makes no evaluation.

        Raises:
            UsageError: No scale, a number out of range, or a window that makes no sense.
        """
        if not self.scales:
            raise UsageError("--scales needs at least one factor.")
        super().__post_init__()

    def idle(self) -> Collection[str]:
        """The choices of the other protocol; without perplexity those of both."""
        windows = ("window_len", "stride", "tokens")
        if not self.perplexity:
            return ("protocol", "perplexity_samples", *windows)
        return ("perplexity_samples",) if self.protocol == "windows" else windows


@dataclass(frozen=True)
class TaskOptions(SeedOptions):
    """Which tasks measure accuracy, and on what.

    Attributes:
        accuracy: Whether accuracy is measured.
        accuracy_tasks: Names of tasks and groups of lm-evaluation-harness.
        accuracy_samples: Items of a task; of a group, spread evenly over its tasks.
        num_fewshot: Examples in a prompt; `None`: the task's own.
        data_dir: Where copies of the hub's data sets lie.
        seed: Seed of the choice of items.
    """

    accuracy: Annotated[
        bool,
        Option(
            help="Measure perplexity only.",
            section="Accuracy",
            changes="choice",
            name="skip_accuracy",
            negated=True,
        ),
    ] = True
    accuracy_tasks: Annotated[
        tuple[str, ...],
        Option(
            help="Tasks and groups of lm-evaluation-harness, by name; builtin is a smoke test of the project's own, no "
            "benchmark.",
            section="Accuracy",
            changes="choice",
            metavar="TASK...",
        ),
    ] = ("hellaswag", "arc_easy", "mmlu", "gsm8k")
    accuracy_samples: Annotated[
        int,
        Option(
            help="Items of a task; of a group, spread evenly over its tasks.",
            section="Accuracy",
            changes="items",
            minimum=1,
            metavar="N",
        ),
    ] = 100
    num_fewshot: Annotated[
        int | None,
        Option(
            help="Examples in a prompt; by default the task's own.",
            section="Accuracy",
            changes="items",
            minimum=0,
            metavar="N",
        ),
    ] = None
    data_dir: Annotated[Path | None, replace(DATA_DIR, changes="items")] = None  # items of tasks have no fingerprint

    def idle(self) -> Collection[str]:
        """Everything else where accuracy is not measured."""
        others = ("accuracy_tasks", "accuracy_samples", "num_fewshot", "data_dir", "seed")
        return () if self.accuracy else others
