"""A removal layer by layer, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from swa.schemas.cascade import CascadeResult
from swa.tables.table import IN_FILES, ON_PAGES, Column, Row, Table, Value

CASCADE_COLUMNS = (
    Column("layer", "layer", "index", IN_FILES),
    Column("delta_entropy", "Δ entropy", "change", unit="nats"),
    Column("delta_margin", "Δ margin", "change"),
    Column("delta_logit_margin", "Δ logit margin", "change", ON_PAGES),
    Column("kl", "KL", "metric", unit="nats"),
    Column("residual_cosine", "cosine", "metric"),
    Column("residual_norm_ratio", "norm ratio", "metric"),
    Column("h_row_baseline", "|h[row]|", "metric"),
    Column("h_row_removed", "removed", "metric"),
)


def cascade_table(result: CascadeResult) -> Table:
    """One row a layer; the scalar's own stands out."""
    block = result.cascade
    series: dict[str, Sequence[float]] = {
        "layer": block.layers,
        "kl": block.kl,
        "delta_entropy": block.delta_entropy,
        "delta_margin": block.delta_margin,
        "delta_logit_margin": result.delta_logit_margin,
        "residual_cosine": result.residual_cosine,
        "residual_norm_ratio": result.residual_norm_ratio,
        "h_row_baseline": result.h_row_baseline,
        "h_row_removed": result.h_row_removed,
    }
    rows = []
    for index, layer in enumerate(block.layers):
        values: dict[str, Value] = {
            name: numbers[index] if index < len(numbers) else None for name, numbers in series.items()
        }
        rows.append(Row(str(layer), values, stands_out=layer == result.layer, order=layer))
    return Table(f"Layer by layer: {result.coordinate}", "layer", CASCADE_COLUMNS, tuple(rows), label_kind="index")
