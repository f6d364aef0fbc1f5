"""`swa compare`: compare runs and write record, page and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from swa.errors import PartialFailureError
from swa.store.atomic import WriteError, write_bytes, write_text
from swa.store.tree import make_writable

if TYPE_CHECKING:
    from swa.reports.compare.runs import Run
    from swa.schemas.summaries import Comparison

COMPARISON = Path("results/comparison")
"""Where a comparison goes by default."""
FIGURES = {
    "model_comparison": "Counts, perplexity ratios and accuracy drops",
    "depth": "Relative depth of the super weights",
    "impact": "Perplexity ratio of each single removal, with geometric means",
}
"""Name of each figure's file and what it shows."""


class WrittenComparison(NamedTuple):
    """A comparison on disk.

    Attributes:
        runs: What was compared.
        comparison: The record.
        files: Paths by name.
    """

    runs: Sequence[Run]
    comparison: Comparison
    files: dict[str, str]


def compare(
    places: Path | str | Sequence[Path | str], output: Path | str = COMPARISON, *, allow_mismatch: bool = False
) -> WrittenComparison:
    """Write `comparison.json`, `comparison.md` and the figures.

    Args:
        places: Folders and files with the runs.
        output: Where the files go.
        allow_mismatch: Whether runs of different protocols are compared.

    Raises:
        UsageError: There is nothing to compare, the protocols differ, or the files cannot be written.
        InvalidArtifactError: An artifact does not fit its schema.
        PartialFailureError: The record is written, something else could not be.
    """
    from swa.reports.compare.build import comparison_of
    from swa.reports.compare.page import comparison_page
    from swa.reports.compare.runs import find_runs
    from swa.reports.page.markdown import render_markdown

    output = Path(output).expanduser()
    listed = [places] if isinstance(places, str | Path) else places
    runs = find_runs([Path(place).expanduser() for place in listed])
    comparison = comparison_of(runs, allow_mismatch=allow_mismatch)
    make_writable(output, (output,))
    record, page = output / "comparison.json", output / "comparison.md"
    figures = {name: output / f"{name}.png" for name in FIGURES}
    write_text(record, comparison.model_dump_json(indent=2) + "\n")
    try:
        for name, content in _drawn(comparison).items():
            write_bytes(figures[name], content)
        document = comparison_page(comparison, [(FIGURES[name], path) for name, path in figures.items()])
        write_text(page, render_markdown(document, base=output))
    except WriteError as error:
        raise PartialFailureError(f"The record is in {record}, but {error.message}", hint=error.hint) from error
    files = {"comparison": record, "markdown": page, **figures}
    return WrittenComparison(runs, comparison, {name: str(path) for name, path in files.items()})


def _drawn(comparison: Comparison) -> dict[str, bytes]:
    from pydantic import MISSING

    from swa.reports.compare.build import statistics_of_runs
    from swa.reports.plots import depth, impact_of_runs, model_comparison
    from swa.reports.plots.style import png

    assert comparison.runs is not MISSING, "`compare` puts them in"
    return {
        "model_comparison": png(model_comparison.draw(statistics_of_runs(comparison))),
        "depth": png(depth.draw(comparison.runs)),
        "impact": png(impact_of_runs.draw(comparison.runs)),
    }
