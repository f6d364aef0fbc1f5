"""What `swa vocab` shows: tables for people, one object for scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import MISSING

from swa.cli.tables.vocabulary import neuron_table, super_weight_table, token_table
from swa.cli.terminal.output import Output
from swa.findings import headline as headlines
from swa.findings.verdict import n_confirmed
from swa.runs.driver.cards import Cards
from swa.runs.driver.step import Outcome
from swa.schemas.run import Status
from swa.schemas.runs import CommandResult, ModelOutcome
from swa.text.numbers import count
from swa.text.words import counted

N_SHOWN = 30
"""Cards of a kind that are shown; super weights are in the order of the detection, the worst first."""


def show(done: Outcome[Cards], output: Output) -> None:
    """Show the analysis of one model."""
    output.text(headline(done))
    output.text("")
    n_shown = None if output.verbose else N_SHOWN
    super_weights, neurons = done.record.super_weights[:n_shown], done.record.neurons[:n_shown]
    if super_weights:
        output.show(super_weight_table(super_weights, output.console))
        output.text("")
        output.show(token_table(super_weights))
        output.text("")
    if neurons:
        output.show(neuron_table(neurons))
        output.text("")
    n_more = len(done.record.super_weights) + len(done.record.neurons) - len(super_weights) - len(neurons)
    if n_more:
        output.text(f"and {counted(n_more, 'card')} more in the files (-v shows all)")
    for note in _notes(done):
        output.text(f"Note: {note}")
    output.files(done.files)
    output.text("")


def _notes(done: Outcome[Cards]) -> list[str]:
    """What a reader of the numbers should know, each sentence once."""
    notes = [] if done.header.notes is MISSING else list(done.header.notes)
    for card in done.record.neurons:
        notes += [] if card.notes is MISSING else card.notes
    return list(dict.fromkeys(notes))


def headline(done: Outcome[Cards]) -> str:
    """One line: the model, what was measured, on what."""
    parts = [counted(len(done.record.super_weights), "super weight"), counted(len(done.record.neurons), "neuron")]
    windows = done.header.windows
    if done.record.super_weights and windows is not MISSING:
        parts.append(f"{count(windows.tokens_scored)} tokens in {counted(windows.n_windows, 'window')}")
    return f"{done.header.model}: {', '.join(parts)}"


def command_result(done: Sequence[Outcome[Cards]], files: Mapping[str, str], *, status: Status) -> CommandResult:
    """What `--json` prints; the files of all models stand with each of them."""
    return CommandResult(command="vocab", status=status, models=[_outcome(one, files) for one in done])


def _outcome(done: Outcome[Cards], files: Mapping[str, str]) -> ModelOutcome:
    records = [given.record for given in done.named.weights if given.record is not None]
    return ModelOutcome(
        model=done.header.model,
        folder=str(done.folder),
        n_candidates=len(done.record.super_weights),
        n_confirmed=n_confirmed(records),
        headline=headlines.of_vocabulary(done.record.super_weights, done.record.neurons, records),
        files={**done.files, **files},
    )
