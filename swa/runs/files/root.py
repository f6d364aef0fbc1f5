"""What `swa vocab` writes about all models of a call, in the results folder itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from swa.errors import PartialFailureError
from swa.findings.vocabulary import cross_model_summary
from swa.runs.driver.call import Call
from swa.runs.driver.cards import Cards
from swa.runs.driver.provenance import header_of_call, read_block, write_block
from swa.runs.driver.step import Outcome
from swa.runs.files.cards import write_if_other
from swa.runs.files.readme import readme_text
from swa.schemas.run import RunHeader, Status
from swa.schemas.summaries import CrossModelSummary, ModelSummary
from swa.store.atomic import WriteError, remove_leftovers, write_text
from swa.store.results import ResultsFolder
from swa.store.tree import locked


def write_root(
    results: ResultsFolder,
    call: Call,
    done: Sequence[Outcome[Cards]],
    *,
    status: Status,
    warn: Callable[[str], None],
) -> dict[str, str]:
    """Write options, summary and readme of a call of `swa vocab`; what is there already and says the same stays.

    Args:
        results: The folder.
        call: How the command was called.
        done: Its models, at least one.
        status: How the call ended.
        warn: Called with a sentence about a file that is written anew.

    Returns:
        Paths by name.

    Raises:
        PartialFailureError: Something could not be written; the models' own files are.
    """
    summaries = [one.record.summary for one in done]
    headers = [one.header for one in done]
    is_new = any(one.is_new for one in done) or _summaries_in(results.cross_model_summary) != _texts(summaries)
    files = write_call(results, call, headers, status=status, is_new=is_new, warn=warn)
    if is_new:
        summary = cross_model_summary(summaries, run=header_of_call(call, headers, status=status))
        with _models_are_written():
            write_text(results.cross_model_summary, summary.model_dump_json(indent=2) + "\n")
    return {"cross_model_summary": str(results.cross_model_summary), **files}


def write_call(
    results: ResultsFolder,
    call: Call,
    headers: Sequence[RunHeader],
    *,
    status: Status,
    is_new: bool,
    warn: Callable[[str], None],
) -> dict[str, str]:
    """Write the options of a call, and what is in the results folder.

    Args:
        results: The folder.
        call: How the command was called.
        headers: The runs of its models, at least one.
        status: How the call ended.
        is_new: Whether something was computed; else a block about the same models stays.
        warn: Called with a sentence about a file that is written anew.

    Returns:
        Paths by name.

    Raises:
        PartialFailureError: Something could not be written; the models' own files are.
    """
    run = header_of_call(call, headers, status=status)
    with _models_are_written(), locked(results.path, wait=True):
        remove_leftovers(results.path, deep=False)
        if is_new or not _has_block_of(results.run_config, run):
            write_block(results.run_config, run, warn)
        write_if_other(results.readme, readme_text(results.path))
    return {"readme": str(results.readme), "run_config_of_all": str(results.run_config)}


@contextmanager
def _models_are_written() -> Iterator[None]:
    """What fails here comes behind the models' own files."""
    try:
        yield
    except WriteError as error:
        raise PartialFailureError(f"The models' own files are written, but {error.message}", hint=error.hint) from error


def _has_block_of(path: Path, run: RunHeader) -> bool:
    """Whether the last call was about the same models and ended in the same way."""
    block = read_block(path, run.command)
    return block is not None and (block.model, block.status) == (run.model, run.status)


def _summaries_in(path: Path) -> list[str]:
    try:
        return _texts(CrossModelSummary.model_validate_json(path.read_bytes()).models)
    except (ValidationError, OSError):
        return []


def _texts(summaries: Sequence[ModelSummary]) -> list[str]:
    """As they are written: as objects, two that hold NaN are never equal."""
    return [summary.model_dump_json() for summary in summaries]
