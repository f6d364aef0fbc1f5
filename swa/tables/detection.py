"""The candidates of a detection as a table."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import MISSING

from swa.findings.verdict import is_confirmed, verdict
from swa.schemas.detection import SuperWeight
from swa.tables.table import IN_FILES, ON_PAGES, Column, Row, Table, Value, known

DETECTION_COLUMNS = (
    Column("model", "model", "text", IN_FILES),
    Column("coordinate", "coordinate", "code", IN_FILES),
    Column("layer", "layer", "index", IN_FILES),
    Column("module", "module", "code", IN_FILES),
    Column("row", "row", "index", IN_FILES),
    Column("col", "column", "index", IN_FILES),
    Column("weight", "weight", "number"),
    Column("input_value", "x", "metric"),
    Column("output_value", "y", "metric"),
    Column("share", "share", "share"),
    Column("found_by", "found by", "text"),
    Column("delta_loss", "Δ loss", "change", unit="nats per token", low="ci_2.5", high="ci_97.5"),
    Column("ci_2.5", "Δ loss, 2.5 %", "metric", IN_FILES),
    Column("ci_97.5", "Δ loss, 97.5 %", "metric", IN_FILES),
    Column("perplexity_ratio", "ratio", "ratio", logarithm="delta_loss"),
    Column("control_delta_loss", "control", "change", unit="nats per token"),
    Column("verdict", "verdict", "text", tone="verdict"),
    Column("gradient_rank", "gradient rank", "index", ON_PAGES),
    Column("published", "published", "flag", ON_PAGES),
)


def detection_table(weights: Iterable[SuperWeight], caption: str = "Candidates") -> Table:
    """One row a candidate; confirmed ones stand out.

    Args:
        weights: The candidates.
        caption: What they have in common.
    """
    weights = list(weights)
    tested = any(weight.confirmation is not MISSING for weight in weights)
    published = any(weight.published for weight in weights)  # of use only where a coordinate of the paper was met
    left_out = {"verdict": not tested, "published": not published}
    columns = tuple(column for column in DETECTION_COLUMNS if not left_out.get(column.name))
    rows = tuple(Row(weight.coordinate, _values(weight), stands_out=is_confirmed(weight)) for weight in weights)
    return Table(caption, "coordinate", columns, rows)


def _values(weight: SuperWeight) -> dict[str, Value]:
    values: dict[str, Value] = {
        "model": weight.model,
        "coordinate": weight.coordinate,
        "layer": weight.layer,
        "module": weight.module,
        "row": weight.row,
        "col": weight.col,
        "weight": weight.weight,
        "input_value": known(weight.input_value),
        "output_value": known(weight.output_value),
        "share": known(weight.share),
        "found_by": "both" if len(weight.found_by) > 1 else "".join(weight.found_by),
        "verdict": verdict(weight),
        "gradient_rank": known(weight.gradient_rank),
        "published": weight.published,
    }
    found = weight.confirmation
    if found is not MISSING:
        values |= {
            "delta_loss": found.delta_loss,
            "ci_2.5": found.ci_low,
            "ci_97.5": found.ci_high,
            "perplexity_ratio": found.perplexity_ratio,
            "control_delta_loss": known(found.control_delta_loss),
        }
    return values
