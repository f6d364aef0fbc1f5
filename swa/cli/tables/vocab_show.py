"""What `swa vocab` shows: tables for people, one object for scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import MISSING

from swa.cli.tables.vocabulary import neuron_table, super_weight_table, token_table
from swa.cli.terminal.output import Output
from swa.cli.vocab_finished import Analysed
from swa.reports.verdict import is_confirmed
from swa.reports.worst import badness
from swa.schemas.cards import NeuronCard
from swa.schemas.run import Status
from swa.schemas.runs import CommandResult, ModelOutcome
from swa.text.numbers import count
from swa.text.words import counted

N_SHOWN = 30
"""Cards of a kind that are shown; super weights are in the order of the detection, the worst first."""


def show(done: Analysed, output: Output) -> None:
    """Show the analysis of one model."""
    output.text(headline(done))
    output.text("")
    n_shown = None if output.verbose else N_SHOWN
    super_weights, neurons = done.super_weights[:n_shown], done.neurons[:n_shown]
    if super_weights:
        output.show(super_weight_table(super_weights, output.console))
        output.text("")
        output.show(token_table(super_weights))
        output.text("")
    if neurons:
        output.show(neuron_table(neurons, neuron_name))
        output.text("")
    n_more = len(done.super_weights) + len(done.neurons) - len(super_weights) - len(neurons)
    if n_more:
        output.text(f"and {counted(n_more, 'card')} more in the files (-v shows all)")
    for note in _notes(done):
        output.text(f"Note: {note}")
    output.files(done.files)
    output.text("")


def _notes(done: Analysed) -> list[str]:
    """What a reader of the numbers should know, each sentence once."""
    notes = [] if done.header.notes is MISSING else list(done.header.notes)
    for card in done.neurons:
        notes += [] if card.notes is MISSING else card.notes
    return list(dict.fromkeys(notes))


def headline(done: Analysed) -> str:
    """One line: the model, what was measured, on what."""
    parts = [counted(len(done.super_weights), "super weight"), counted(len(done.neurons), "neuron")]
    windows = done.header.windows
    if done.super_weights and windows is not MISSING:
        parts.append(f"{count(windows.tokens_scored)} tokens in {counted(windows.n_windows, 'window')}")
    return f"{done.header.model}: {', '.join(parts)}"


def neuron_name(card: NeuronCard) -> str:
    """As `--neurons` takes it."""
    expert = "" if card.expert is None else f"e{card.expert}:"
    return f"{card.layer}:{expert}{card.neuron}"


def command_result(done: Sequence[Analysed], files: Mapping[str, str], *, status: Status) -> CommandResult:
    """What `--json` prints; the files of all models stand with each of them."""
    return CommandResult(command="vocab", status=status, models=[_outcome(one, files) for one in done])


def _outcome(done: Analysed, files: Mapping[str, str]) -> ModelOutcome:
    records = [given.record for given in done.known.weights if given.record is not None]
    return ModelOutcome(
        model=done.header.model,
        folder=str(done.folder),
        n_candidates=len(done.super_weights),
        n_confirmed=sum(map(is_confirmed, records)),
        headline=_headline_numbers(done),
        files={**done.files, **files},
    )


def _headline_numbers(done: Analysed) -> dict[str, float]:
    numbers: dict[str, float] = {"n_super_weights": len(done.super_weights), "n_neurons": len(done.neurons)}
    if done.super_weights:
        worst = max(done.super_weights, key=lambda card: badness(card.deltas.loss))
        numbers |= {
            "baseline_loss": worst.baselines.loss,
            "largest_delta_loss": worst.deltas.loss,
            "largest_delta_entropy": worst.deltas.entropy,
            "control_delta_loss": worst.controls.random_coord_delta.loss,
            "neuron_zero_delta_loss": worst.controls.neuron_zero_delta.loss,
        }
    return numbers
