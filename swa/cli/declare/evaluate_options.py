"""The options of `swa evaluate` that no other command has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from swa.cli.declare.options import WEIGHTS, in_panel
from swa.cli.declare.values import parse_factor

PERPLEXITY, ACCURACY = "Perplexity", "Accuracy"
DEFAULT_TASKS = ("hellaswag", "arc_easy", "mmlu", "gsm8k")


@dataclass(frozen=True)
class VariantOptions:
    """What is done to the super weights."""

    scales: Annotated[
        list[float],
        in_panel(WEIGHTS)(
            "--scales",
            parser=parse_factor,
            metavar="FACTOR...",
            help="What the scalars are multiplied with, one after the other; 0 removes.",
        ),
    ] = field(default_factory=lambda: [0.0])
    skip_individual: Annotated[
        bool, in_panel(WEIGHTS)("--skip-individual", help="Leave out each super weight alone.")
    ] = False
    skip_combined: Annotated[bool, in_panel(WEIGHTS)("--skip-combined", help="Leave out all of them together.")] = False


@dataclass(frozen=True)
class PerplexityOptions:
    """How perplexity is measured."""

    skip_perplexity: Annotated[bool, in_panel(PERPLEXITY)("--skip-perplexity", help="Measure accuracy only.")] = False
    protocol: Annotated[
        Literal["paragraphs", "windows"],
        in_panel(PERPLEXITY)(
            "--protocol",
            help="paragraphs: a seeded choice of single paragraphs; windows: overlapping windows over the whole text.",
        ),
    ] = "paragraphs"
    perplexity_samples: Annotated[
        int, in_panel(PERPLEXITY)("--perplexity-samples", min=1, metavar="N", help="Paragraphs at most.")
    ] = 500


@dataclass(frozen=True)
class AccuracyOptions:
    """How accuracy is measured."""

    skip_accuracy: Annotated[bool, in_panel(ACCURACY)("--skip-accuracy", help="Measure perplexity only.")] = False
    accuracy_tasks: Annotated[
        list[str],
        in_panel(ACCURACY)(
            "--accuracy-tasks",
            metavar="TASK...",
            help="Tasks and groups of lm-evaluation-harness, by name; builtin is a smoke test of the project's own, no "
            "benchmark.",
        ),
    ] = field(default_factory=lambda: list(DEFAULT_TASKS))
    accuracy_samples: Annotated[
        int,
        in_panel(ACCURACY)(
            "--accuracy-samples", min=1, metavar="N", help="Items of a task; of a group, spread evenly over its tasks."
        ),
    ] = 100
    num_fewshot: Annotated[
        int | None,
        in_panel(ACCURACY)(
            "--num-fewshot", min=0, metavar="N", help="Examples in a prompt; by default the task's own."
        ),
    ] = None
