"""The options of `swa run` whose default or meaning is not that of the single command."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from swa.cli.declare.options import RUN, RunOptions, in_panel
from swa.cli.declare.vocab_options import INTERVENTIONS, NEURONS, InterventionOptions, NeuronOptions, neurons_option


@dataclass(frozen=True)
class WholeInterventionOptions(InterventionOptions):
    """What is measured of each super weight; the cascade is part of the whole way."""

    enable_cascade: Annotated[
        bool,
        in_panel(INTERVENTIONS)("--enable-cascade/--no-cascade", help="Follow each removal through the layers."),
    ] = True


@dataclass(frozen=True)
class WholeNeuronOptions(NeuronOptions):
    """Which neurons get a card beside those of the super weights."""

    neurons: Annotated[
        list[str], neurons_option("Cards of these neurons too: layer:neuron, or layer:eEXPERT:neuron.")
    ] = field(default_factory=list)
    all_neurons: Annotated[
        bool,
        in_panel(NEURONS)(
            "--all-neurons", help="Moments and label of every neuron of the model too, as a Parquet table."
        ),
    ] = False


@dataclass(frozen=True)
class WholeRunOptions(RunOptions):
    """How the whole way goes."""

    results_dir: Annotated[
        Path,
        in_panel(RUN)(
            "--results-dir", metavar="DIR", help="Report and comparison go here, the results of each step below it."
        ),
    ] = Path("results")
