"""The options of `swa vocab` and `swa cascade` that no other command has."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from swa.cli.declare.options import RUN, WINDOWS, RunOptions, WindowOptions, in_panel
from swa.cli.declare.values import layers_text, neuron_text

NEURONS, INTERVENTIONS, CASCADE = "Neurons", "Interventions", "Cascade"


def neurons_option(text: str) -> Any:
    """Declare `--neurons`, whose consequences differ between commands."""
    return in_panel(NEURONS)("--neurons", parser=neuron_text, metavar="L:N...", help=text)


@dataclass(frozen=True)
class ScoringOptions(WindowOptions):
    """Windows over a text, and which of their tokens count."""

    drop_first_token: Annotated[
        bool,
        in_panel(WINDOWS)(
            "--drop-first-token", help="Leave the first scored token of each window out of every metric."
        ),
    ] = False


@dataclass(frozen=True)
class InterventionOptions:
    """What is measured of each super weight."""

    control_samples: Annotated[
        int,
        in_panel(INTERVENTIONS)(
            "--control-samples",
            min=1,
            metavar="N",
            help="Other scalars of the same matrix that are removed beside each super weight.",
        ),
    ] = 3
    bootstrap: Annotated[
        int,
        in_panel(INTERVENTIONS)(
            "--bootstrap", min=0, metavar="N", help="Resamples of the windows for 95 % intervals; 0 is off."
        ),
    ] = 0
    enable_cascade: Annotated[
        bool,
        in_panel(INTERVENTIONS)("--enable-cascade", help="Follow each removal through the layers."),
    ] = False


@dataclass(frozen=True)
class NeuronOptions:
    """Which neurons get a card, and what it holds."""

    neurons: Annotated[
        list[str],
        neurons_option(
            "Cards of these neurons, and no detection: layer:neuron, or layer:eEXPERT:neuron. With "
            "--super-weights too, cards of both."
        ),
    ] = field(default_factory=list)
    all_neurons: Annotated[
        bool,
        in_panel(NEURONS)(
            "--all-neurons", help="Moments and label of every neuron of the model, as a Parquet table; no detection."
        ),
    ] = False
    enable_cosine: Annotated[
        bool, in_panel(NEURONS)("--enable-cosine", help="Write moments of the cosines too, which have no scale.")
    ] = False
    enable_enrichment: Annotated[
        bool, in_panel(NEURONS)("--enable-enrichment", help="Classes of tokens that stand out among the effects.")
    ] = False
    top_tokens: Annotated[
        int, in_panel(NEURONS)("--top-tokens", min=1, metavar="N", help="Tokens listed at each end, of shifts too.")
    ] = 20


@dataclass(frozen=True)
class LayerOptions:
    """Which layers are read."""

    layers: Annotated[
        list[str],
        in_panel(CASCADE)(
            "--layers",
            parser=layers_text,
            metavar="LAYER...",
            help="all, every N, or numbers of layers; by default at most 8, with the layer before the super weight's, "
            "its own and the last.",
        ),
    ] = field(default_factory=list)


@dataclass(frozen=True)
class VocabRunOptions(RunOptions):
    """How a run goes whose files lie in the tree of `swa vocab`."""

    results_dir: Annotated[
        Path,
        in_panel(RUN)("--output-dir", "--results-dir", metavar="DIR", help="Results folder, one folder a model."),
    ] = Path("results/vocab-analysis")
