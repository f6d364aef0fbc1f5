"""Options that only runs know, and defaults and words of single commands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from swa.detection.options import DetectOptions
from swa.options import Option, Options, option_of
from swa.vocabulary.options import InterventionOptions, NeuronOptions


@dataclass(frozen=True)
class WeightOptions(Options):
    """Which super weights are worked on.

    Attributes:
        super_weights: Files, `-` and coordinates; empty: those of a detection.
        all_candidates: Whether candidates count that removal did not confirm.
    """

    super_weights: Annotated[
        tuple[str, ...],
        Option(
            help="Detection record, JSON lines with SuperWeight records or coordinates, - for standard input, or a "
            "coordinate such as L11.mlp.down_proj[507,1229]; repeatable. By default the newest detection that fits; "
            "where there is none, the command detects first.",
            section="Super weights",
            changes="choice",
            metavar="FILE|-|COORDINATE",
        ),
    ] = ()
    all_candidates: Annotated[
        bool,
        Option(help="Take candidates too that removal did not confirm.", section="Super weights", changes="choice"),
    ] = False


@dataclass(frozen=True)
class RunOptions(Options):
    """How a run goes.

    Attributes:
        results_dir: Results folder, one folder a model.
        force: Whether what is finished is computed again.
    """

    results_dir: Annotated[
        Path,
        Option(help="Results folder, one folder a model.", section="Run", changes="nothing", metavar="DIR"),
    ] = Path("results/comprehensive_super_weight_analysis")
    force: Annotated[
        bool, Option(help="Compute again what is finished.", section="Run", changes="nothing", last=True)
    ] = False


@dataclass(frozen=True)
class _VocabRun(RunOptions):
    """How a run goes whose files lie in the tree of `swa vocab`."""

    results_dir: Annotated[
        Path,
        replace(option_of(RunOptions, "results_dir"), spellings=("--output-dir", "--results-dir")),
    ] = Path("results/vocab-analysis")


@dataclass(frozen=True)
class _WholeRun(RunOptions):
    """How `swa run` goes."""

    results_dir: Annotated[
        Path,
        replace(
            option_of(RunOptions, "results_dir"),
            help="Report and comparison go here, the results of each step below it.",
        ),
    ] = Path("results")


@dataclass(frozen=True)
class _WholeInterventions(InterventionOptions):
    """What `swa run` measures of each super weight; the cascade is part of the whole way."""

    cascade: Annotated[
        bool,
        replace(option_of(InterventionOptions, "cascade"), spellings=("--enable-cascade/--no-cascade",)),
    ] = True


@dataclass(frozen=True)
class _WholeNeurons(NeuronOptions):
    """Which neurons get a card in `swa run`, beside those of the super weights."""

    neurons: Annotated[
        tuple[str, ...],
        replace(
            option_of(NeuronOptions, "neurons"),
            help="Cards of these neurons too: layer:neuron, or layer:eEXPERT:neuron.",
        ),
    ] = ()
    all_neurons: Annotated[
        bool,
        replace(
            option_of(NeuronOptions, "all_neurons"),
            help="Moments and label of every neuron of the model too, as a Parquet table.",
        ),
    ] = False


VOCAB_RUN = _VocabRun()
VOCAB_DETECTION = DetectOptions(router_analysis_samples=5)
"""How `swa vocab` detects: it watches fewer windows."""
WHOLE_RUN, WHOLE_INTERVENTIONS, WHOLE_NEURONS = _WholeRun(), _WholeInterventions(), _WholeNeurons()
