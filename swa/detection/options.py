"""The choices of a detection."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from swa.options import BatchOptions, Option, SeedOptions
from swa.schemas.choices import Screen

DEFAULT_PROMPT = "Apple Inc. is a worldwide tech company."


def _threshold(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"'{text}' is neither a number above 0 nor auto.")
    return value


@dataclass(frozen=True)
class DetectOptions(BatchOptions, SeedOptions):
    """The choices of a detection (docs/methods.md#spike-screen, and what follows there).

    Attributes:
        screens: Which screens look for candidates.
        screen_top: Gradient candidates kept, over all sites.
        spike_threshold: |input| and |output| must both exceed it; `None` is the scale-free rule `auto`.
        max_iterations: Rounds of the spike screen at most.
        prompts: Texts in which spikes are sought.
        confirm: Whether candidates are removed one by one on held-out text.
        seed: Seed of the bootstrap.
        batch_size: Windows in one forward pass; `None` chooses from the machine's memory.
        router_analysis_samples: Windows on which routed experts are watched.
        p_active_floor: Experts that a smaller share of the tokens selects are not examined.
        co_spike_threshold: What the co-spike score of an expert's spike must exceed to make a candidate.
        enable_causal_scoring: Whether candidates in experts are removed under natural and forced routing.
    """

    screens: Annotated[
        tuple[Screen, ...],
        Option(
            help="spike (activations), gradient (effect on the loss), or both.",
            section="Detection",
            changes="items",
            name="screen",
            metavar="SCREEN...",
        ),
    ] = ("spike", "gradient")
    screen_top: Annotated[
        int,
        Option(
            help="Candidates that the gradient screen keeps.",
            section="Detection",
            changes="items",
            minimum=1,
            metavar="N",
        ),
    ] = 64
    spike_threshold: Annotated[
        float | None,
        Option(
            help="Input and output of a spike must both exceed it. auto is the massive-activation rule (1000 times the "
            "median of the residual stream); it sees fewer, on any scale.",
            section="Detection",
            changes="items",
            none="auto",
            metavar="NUMBER|auto",
            read=_threshold,
        ),
    ] = 50.0
    max_iterations: Annotated[
        int,
        Option(
            help="Rounds of the spike screen at most.", section="Detection", changes="items", minimum=1, metavar="N"
        ),
    ] = 10
    prompts: Annotated[
        tuple[str, ...],
        Option(
            help="Text in which spikes are sought; repeatable.",
            section="Detection",
            changes="items",
            name="prompt",
            metavar="TEXT",
        ),
    ] = (DEFAULT_PROMPT,)
    confirm: Annotated[
        bool,
        Option(
            help="List candidates without removing each on held-out text.",
            section="Detection",
            changes="choice",
            name="no_confirm",
            negated=True,
        ),
    ] = True
    router_analysis_samples: Annotated[
        int,
        Option(
            help="Windows of 256 tokens on which the router is watched and spikes of experts are sought.",
            section="Mixture of experts",
            changes="items",
            minimum=1,
            metavar="N",
        ),
    ] = 10
    p_active_floor: Annotated[
        float,
        Option(
            help="Experts that a smaller share of the tokens selects are not examined.",
            section="Mixture of experts",
            changes="items",
            minimum=0.0,
            maximum=1.0,
            metavar="SHARE",
        ),
    ] = 0.01
    co_spike_threshold: Annotated[
        float,
        Option(
            help="Input and output channel of an expert's spike must spike on the same tokens: score between 0 and 1.",
            section="Mixture of experts",
            changes="items",
            minimum=0.0,
            maximum=1.0,
            metavar="SCORE",
        ),
    ] = 0.12
    enable_causal_scoring: Annotated[
        bool,
        Option(
            help="Remove each candidate of an expert under the router's own choice, and with every token sent to it.",
            section="Mixture of experts",
            changes="choice",
        ),
    ] = False
