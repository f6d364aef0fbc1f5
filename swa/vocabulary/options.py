"""Choices of a vocabulary analysis."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from swa.options import BatchOptions, Option, Options, SeedOptions

_NEURON = re.compile(r"[\w.]+(:e\d+)?:\d+", re.ASCII)


def _neuron(text: str) -> str:
    """Check the form of a neuron's name: `layer:neuron`, `layer:eEXPERT:neuron`, a module's path for the layer."""
    if not _NEURON.fullmatch(text):
        raise ValueError(
            f"'{text}' is no neuron; write layer:neuron such as 10:523, or layer:eEXPERT:neuron such as 3:e17:42."
        )
    return text


@dataclass(frozen=True)
class TokenOptions(Options):
    """How many tokens a card lists.

    Attributes:
        top_tokens: Of each end.
    """

    top_tokens: Annotated[
        int,
        Option(
            help="Tokens listed at each end, of shifts too.",
            section="Neurons",
            changes="records",
            minimum=1,
            metavar="N",
            last=True,
        ),
    ] = 20


@dataclass(frozen=True)
class InterventionOptions(BatchOptions, SeedOptions, TokenOptions):
    """What is measured of each super weight.

    Attributes:
        control_samples: Control scalars, at least one.
        bootstrap: Resamples of windows, 0 for none.
        top_tokens: Tokens kept of each end of the shifts.
        cascade: Whether the removal is followed through the layers.
        seed: Seed of controls and bootstrap.
        batch_size: Windows at once; `None`: by memory.
    """

    control_samples: Annotated[
        int,
        Option(
            help="Other scalars of the same matrix that are removed beside each super weight.",
            section="Interventions",
            changes="items",
            minimum=1,
            metavar="N",
        ),
    ] = 3
    bootstrap: Annotated[
        int,
        Option(
            help="Resamples of the windows for 95 % intervals; 0 is off.",
            section="Interventions",
            changes="records",
            minimum=0,
            metavar="N",
        ),
    ] = 0
    cascade: Annotated[
        bool,
        Option(
            help="Follow each removal through the layers.",
            section="Interventions",
            changes="items",
            name="enable_cascade",
        ),
    ] = False


@dataclass(frozen=True)
class NeuronOptions(SeedOptions, TokenOptions):
    """Which neurons get a card, and what it holds.

    Attributes:
        neurons: Named ones, `layer:neuron` or `layer:eEXPERT:neuron`.
        all_neurons: Whether every neuron of the model is counted.
        cosine: Whether the moments of the cosines are written; the label is made of them in any case.
        enrichment: Whether classes of tokens are compared.
        top_tokens: Tokens kept of each end.
        seed: Seed of the sample that a neuron is read beside.
    """

    neurons: Annotated[
        tuple[str, ...],
        Option(
            help="Cards of these neurons, and no detection: layer:neuron, or layer:eEXPERT:neuron. With "
            "--super-weights too, cards of both.",
            section="Neurons",
            changes="choice",
            metavar="L:N...",
            read=_neuron,
        ),
    ] = ()
    all_neurons: Annotated[
        bool,
        Option(
            help="Moments and label of every neuron of the model, as a Parquet table; no detection.",
            section="Neurons",
            changes="choice",
        ),
    ] = False
    cosine: Annotated[
        bool,
        Option(
            help="Write moments of the cosines too, which have no scale.",
            section="Neurons",
            changes="records",
            name="enable_cosine",
        ),
    ] = False
    enrichment: Annotated[
        bool,
        Option(
            help="Classes of tokens that stand out among the effects.",
            section="Neurons",
            changes="records",
            name="enable_enrichment",
        ),
    ] = False
