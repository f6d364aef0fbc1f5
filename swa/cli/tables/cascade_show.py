"""What `swa cascade` shows: a table of layers for each super weight, one object for scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import MISSING

from swa.cli.tables.layout import drawn, one_line
from swa.cli.terminal.output import Output
from swa.findings import headline as headlines
from swa.findings.verdict import n_confirmed
from swa.runs.driver.step import Outcome
from swa.schemas.cascade import CascadeResult
from swa.schemas.run import Status
from swa.schemas.runs import CommandResult, ModelOutcome
from swa.tables.cascade import cascade_table
from swa.text import numbers
from swa.text.words import counted

N_SHOWN = 10
"""Super weights that are shown; they are in the order of the detection, the worst first."""


def show(done: Outcome[Sequence[CascadeResult]], output: Output) -> None:
    """Show the cascades of one model."""
    output.text(headline(done))
    output.text("")
    shown = done.record if output.verbose else done.record[:N_SHOWN]
    for result in shown:
        output.text(f"{result.coordinate}, by layer:")
        table = cascade_table(result)
        output.show(drawn(table, one_line(table)))
        output.text("")
    n_more = len(done.record) - len(shown)
    if n_more:
        output.text(f"and {counted(n_more, 'super weight')} more in {done.files['cascade']} (-v shows all)")
    for note in [] if done.header.notes is MISSING else done.header.notes:
        output.text(f"Note: {note}")
    output.files(done.files)
    output.text("")


def headline(done: Outcome[Sequence[CascadeResult]]) -> str:
    """One line: the model, what was followed, on what."""
    parts = [counted(len(done.record), "super weight")]
    windows = done.header.windows
    if done.record and windows is not MISSING:
        parts.append(f"{numbers.count(windows.tokens_scored)} tokens in {counted(windows.n_windows, 'window')}")
    return f"{done.header.model}: {', '.join(parts)}"


def command_result(
    done: Sequence[Outcome[Sequence[CascadeResult]]], files: Mapping[str, str], *, status: Status
) -> CommandResult:
    """What `--json` prints; the files of all models stand with each of them."""
    return CommandResult(command="cascade", status=status, models=[_outcome(one, files) for one in done])


def _outcome(done: Outcome[Sequence[CascadeResult]], files: Mapping[str, str]) -> ModelOutcome:
    records = [given.record for given in done.named.weights if given.record is not None]
    return ModelOutcome(
        model=done.header.model,
        folder=str(done.folder),
        n_candidates=len(done.record),
        n_confirmed=n_confirmed(records),
        headline=headlines.of_cascades(done.record),
        files={**done.files, **files},
    )
