"""The files of one evaluation (docs/files.md#evaluation): items, records, figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import MISSING

from swa.errors import PartialFailureError
from swa.runs.files.derived import is_of_record
from swa.schemas.base import Record
from swa.schemas.detection import SuperWeight
from swa.schemas.evaluation import ImpactRecord, ItemRecord, ModelAnalysis, VariantAnalysis
from swa.store.atomic import WriteError, write_bytes
from swa.store.tree import ModelFolder

Items = Mapping[str, Mapping[str, Sequence[ItemRecord]]]
"""Records of items by requested task and variant."""


class _Derived(NamedTuple):
    """A file that follows from the analysis."""

    path: Path
    content: Callable[[], bytes]


def prepare(folder: ModelFolder) -> None:
    """Make the folders that only an evaluation has.

    Raises:
        UsageError: They cannot be written.
    """
    folder.create(folder.items, folder.individual_analyses)


def write_evaluation(folder: ModelFolder, stamp: str, analysis: ModelAnalysis, items: Items) -> dict[str, str]:
    """Write everything: first the items, then the analysis, so that where it is nothing is missing but what follows.

    Returns:
        Paths by name.

    Raises:
        PartialFailureError: Something could not be written; all answers are kept.
    """
    record = folder.analysis(stamp)
    try:
        wanted = {
            folder.items_of(task, variant): records
            for task, variants in items.items()
            for variant, records in variants.items()
        }
        for path in set(folder.items.glob("*.jsonl")) - wanted.keys():  # its `sw_0` may be another scalar
            path.unlink()
        for path, records in wanted.items():
            write_bytes(path, _lines(records))
        write_bytes(record, _json(analysis))
        for derived in [*_records(folder, stamp, analysis), *_figures(folder, analysis).values()]:
            write_bytes(derived.path, derived.content())
        if not analysis.combined:  # it would show another evaluation than the figure beside it
            _combined_figure(folder).unlink(missing_ok=True)
    except WriteError as error:
        kept = record if record.exists() else folder.ledger
        raise PartialFailureError(
            f"What was measured is kept in '{kept}', but {error.message}", hint=error.hint
        ) from error
    return _paths(folder, stamp, analysis)


def complete_evaluation(folder: ModelFolder, record: Path, analysis: ModelAnalysis) -> dict[str, str]:
    """Paths of a finished evaluation; what an interruption kept from being written is made from its record.

    Items and figures in the folder are those of the newest evaluation only.

    Raises:
        WriteError: Something could not be written.
    """
    stamp = record.stem.removeprefix("analysis_")
    newest = record == folder.analyses()[0]
    figures = _figures(folder, analysis) if newest else {}
    for derived in [*_records(folder, stamp, analysis), *figures.values()]:
        if not is_of_record(derived.path, record):
            write_bytes(derived.path, derived.content())
    return _paths(folder, stamp, analysis, newest=newest)


def _records(folder: ModelFolder, stamp: str, analysis: ModelAnalysis) -> Iterator[_Derived]:
    """The record of all together and of each super weight alone."""
    weights = [] if analysis.super_weights is MISSING else analysis.super_weights
    if analysis.combined:
        yield _variant(folder.combined_analysis(stamp), analysis, weights, analysis.combined)
    for number, weight in enumerate(weights):
        results = [impact for impact in analysis.individual if _number(impact) == number]
        if results:
            yield _variant(folder.individual_analysis(number, stamp), analysis, [weight], results)


def _number(impact: ImpactRecord) -> int:
    """Which super weight `sw_3` and `sw_3_x0.5` are about."""
    return int(impact.variant.split("_")[1])


def _variant(
    path: Path, analysis: ModelAnalysis, weights: Sequence[SuperWeight], results: Sequence[ImpactRecord]
) -> _Derived:
    run = analysis.run
    assert run is not MISSING, "the command puts it in"

    def content() -> bytes:
        return _json(
            VariantAnalysis(run=run, super_weights=list(weights), baseline=analysis.baseline, results=list(results))
        )

    return _Derived(path, content)


def _figures(folder: ModelFolder, analysis: ModelAnalysis) -> dict[str, _Derived]:
    from swa.reports.plots import combined_analysis, impact_comparison
    from swa.reports.plots.style import png

    figures = {
        "impact_comparison": _Derived(
            folder.plots / "impact_comparison.png", lambda: png(impact_comparison.draw(analysis))
        )
    }
    if analysis.combined:
        figures["combined_figure"] = _Derived(_combined_figure(folder), lambda: png(combined_analysis.draw(analysis)))
    return figures


def _combined_figure(folder: ModelFolder) -> Path:
    return folder.plots / "combined_analysis.png"


def _paths(folder: ModelFolder, stamp: str, analysis: ModelAnalysis, *, newest: bool = True) -> dict[str, str]:
    paths = {"analysis": folder.analysis(stamp)}
    if analysis.combined:
        paths["combined_analysis"] = folder.combined_analysis(stamp)
    if analysis.individual:
        paths["individual_analyses"] = folder.individual_analyses
    if newest:
        if analysis.baseline.accuracy is not MISSING:
            paths["items"] = folder.items
        paths |= {name: derived.path for name, derived in _figures(folder, analysis).items()}
    paths["run_config"] = folder.run_config
    return {name: str(path) for name, path in paths.items()}


def _json(record: Record) -> bytes:
    return f"{record.model_dump_json(indent=2)}\n".encode()


def _lines(records: Sequence[Record]) -> bytes:
    return "".join(f"{record.model_dump_json()}\n" for record in records).encode()
