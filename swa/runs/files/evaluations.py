"""The record and the figure of all models of one call, in the results folder itself (docs/files.md#evaluation)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import MISSING

from swa.errors import PartialFailureError
from swa.runs.driver.call import Call
from swa.runs.driver.provenance import header_of_call
from swa.runs.files.derived import is_of_record
from swa.schemas.evaluation import CompleteAnalysis, CrossModelStatistics, ModelAnalysis
from swa.schemas.run import Status
from swa.store.atomic import WriteError, write_bytes, write_text
from swa.store.results import ResultsFolder
from swa.store.search import Found, first_that_fits


def write_summary(
    results: ResultsFolder, call: Call, analyses: Sequence[ModelAnalysis], *, status: Status
) -> dict[str, str]:
    """Write the record of a call and, of several models, its figure; a record of the very same analyses stays.

    Returns:
        Paths by name.

    Raises:
        PartialFailureError: Something could not be written; the models' own records are.
    """
    try:
        found = _written_before(results, analyses) or _write(results, call, analyses, status)
        files = {"complete_analysis": str(found.path)}
        if len(analyses) > 1:
            _draw(results, found)
            files["model_comparison"] = str(results.model_comparison)
    except WriteError as error:
        raise PartialFailureError(
            f"The models' own records are written, but {error.message}", hint=error.hint
        ) from error
    return files


def _written_before(results: ResultsFolder, analyses: Sequence[ModelAnalysis]) -> Found[CompleteAnalysis] | None:
    wanted = _texts(analyses)
    search = first_that_fits(
        results.complete_analyses(), CompleteAnalysis, lambda complete: _texts(complete.models) == wanted
    )
    return search.found


def _texts(analyses: Sequence[ModelAnalysis]) -> list[str]:
    """The records as they are written: as objects, two that hold NaN are never equal."""
    return [analysis.model_dump_json() for analysis in analyses]


def _write(
    results: ResultsFolder, call: Call, analyses: Sequence[ModelAnalysis], status: Status
) -> Found[CompleteAnalysis]:
    with results.new_complete_analysis() as path:
        runs = [analysis.run for analysis in analyses if analysis.run is not MISSING]
        stamp = path.stem.removeprefix("complete_analysis_")
        run = header_of_call(call, runs, status=status).model_copy(update={"stamp": stamp})
        complete = CompleteAnalysis(run=run, models=list(analyses), statistics=statistics_of(analyses))
        write_text(path, complete.model_dump_json(indent=2) + "\n")
    return Found(path, complete)


def _draw(results: ResultsFolder, found: Found[CompleteAnalysis]) -> None:
    """The figure is that of the newest record; where it is newer than the record, it is there already."""
    from swa.reports.plots import model_comparison
    from swa.reports.plots.style import png

    if found.path == results.complete_analyses()[0] and not is_of_record(results.model_comparison, found.path):
        results.create_summary_plots()
        write_bytes(results.model_comparison, png(model_comparison.draw(found.result.statistics)))


def statistics_of(analyses: Sequence[ModelAnalysis]) -> CrossModelStatistics:
    """Numbers of each model, and over models."""
    from swa.findings.statistics import cross_model_statistics, model_statistics

    models = []
    for analysis in analyses:
        assert analysis.family is not MISSING, "the command puts it in"
        assert analysis.n_layers is not MISSING, "the command puts it in"
        models.append(model_statistics(analysis, family=analysis.family, n_layers=analysis.n_layers))
    return cross_model_statistics(models, analyses)
