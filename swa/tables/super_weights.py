"""Super-weight cards as a table, and the tokens that their removals move."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import MISSING

from swa.findings.names import place_of
from swa.findings.verdict import is_damage
from swa.schemas.cards import Metrics, SuperWeightCard, TokenShift, TopToken
from swa.tables.table import ALWAYS, IN_FILES, ON_PAGES, Column, Kind, Row, Table, Value, known

METRICS = {
    "loss": "loss",
    "entropy": "entropy",
    "topk_margin": "top-2 margin",
    "stopword_mass": "function words",
    "logit_margin": "logit margin",
}
"""The metrics of an intervention and what they are called; loss and entropy are nats."""
_WITH_INTERVAL = tuple(METRICS)[:4]
_PARTS = ("baseline", "delta", "control_mean", "control_std", "control_max", "neuron_zero")
"""What is known of each metric: the intact model, the removal, three numbers of the controls, the whole neuron."""
_TITLES = {
    "delta_loss": ("Δ loss", ALWAYS),
    "control_mean_loss": ("control", ALWAYS),
    "control_max_loss": ("control max", ALWAYS),
    "neuron_zero_loss": ("neuron\nzeroed", ALWAYS),
    "delta_entropy": ("Δ entropy", ALWAYS),
    "delta_topk_margin": ("Δ margin", ALWAYS),
    "delta_stopword_mass": ("Δ function words", ON_PAGES),
}
"""Columns that people see."""
N_TOKENS = 10
"""Tokens of each end that a row holds."""


def _metric_column(part: str, metric: str) -> Column:
    name = f"{part}_{metric}"
    title, rank = _TITLES.get(name, (f"{METRICS[metric]}, {part.replace('_', ' ')}", IN_FILES))
    kind: Kind = "metric" if part in ("baseline", "control_std") else "change"
    ends = (f"{metric}_ci_2.5", f"{metric}_ci_97.5") if part == "delta" and metric in _WITH_INTERVAL else ("", "")
    unit = "nats" if metric in ("loss", "entropy") else ""
    return Column(name, title, kind, rank, unit, *ends)


SUPER_WEIGHT_COLUMNS = (
    Column("model", "model", "text", IN_FILES),
    Column("layer", "layer", "index", IN_FILES),
    Column("expert", "expert", "index", IN_FILES),
    Column("module", "module", "code", IN_FILES),
    Column("tensor", "tensor", "text", IN_FILES),
    Column("row", "row", "index", IN_FILES),
    Column("col", "column", "index", IN_FILES),
    Column("coordinate", "coordinate", "code", IN_FILES),
    Column("weight", "weight", "number", ON_PAGES),
    Column("edit_inactive", "why nothing changes", "text", IN_FILES),
    *(_metric_column(part, metric) for metric in METRICS for part in _PARTS),
    *(
        Column(f"{metric}_{end}", f"Δ {METRICS[metric]}, {end.removeprefix('ci_')} %", "metric", IN_FILES)
        for metric in _WITH_INTERVAL
        for end in ("ci_2.5", "ci_97.5")
    ),
    Column("n_windows", "windows", "count", IN_FILES),
    Column("n_controls", "controls", "count", IN_FILES),
    Column("total_variation", "total variation", "metric", ON_PAGES),
    Column("tokens_up", "tokens that gain", "tokens", IN_FILES),
    Column("tokens_down", "tokens that lose", "tokens", IN_FILES),
)


def super_weight_table(cards: Iterable[SuperWeightCard]) -> Table:
    """One row a super weight; what costs more than its controls stands out."""
    rows = tuple(Row(place_of(card), _values(card), stands_out=_stands_out(card)) for card in cards)
    return Table("All super-weight cards", "coordinate", SUPER_WEIGHT_COLUMNS, rows)


def token_shift_table(cards: Iterable[SuperWeightCard]) -> Table:
    """The tokens that become more and less likely without each super weight."""
    columns = (Column("tokens_up", "tokens that gain", "tokens"), Column("tokens_down", "tokens that lose", "tokens"))
    rows = tuple(Row(place_of(card), _shifts(card)) for card in cards)
    return Table("Tokens that gain and lose most", "coordinate", columns, rows)


def texts_of(tokens: Sequence[TopToken] | Sequence[TokenShift]) -> tuple[str, ...]:
    """The texts of the first tokens."""
    return tuple(token.str_ for token in tokens[:N_TOKENS])


def _stands_out(card: SuperWeightCard) -> bool:
    largest = card.controls.random_coord_max
    return is_damage(card.deltas.loss, 0.0 if largest is MISSING else abs(largest.loss))


def _values(card: SuperWeightCard) -> dict[str, Value]:
    controls = card.controls
    values: dict[str, Value] = {
        "model": card.model,
        "layer": card.layer,
        "expert": card.expert,
        "module": known(card.module),
        "tensor": card.tensor,
        "row": card.row,
        "col": card.col,
        "coordinate": known(card.coordinate),
        "weight": known(card.weight),
        "edit_inactive": known(card.edit_inactive),
        **_metrics(card.baselines, "baseline"),
        **_metrics(card.deltas, "delta"),
        **_metrics(controls.random_coord_delta, "control_mean"),
        **_metrics(controls.random_coord_std, "control_std"),
        **_metrics(controls.random_coord_max, "control_max"),
        **_metrics(controls.neuron_zero_delta, "neuron_zero"),
        **_shifts(card),
    }
    if card.bootstrap is not MISSING:
        values["n_windows"] = card.bootstrap.loss.n_windows
        for metric in _WITH_INTERVAL:
            interval = getattr(card.bootstrap, metric)
            if interval is not MISSING:
                values |= {f"{metric}_ci_2.5": interval.ci_low, f"{metric}_ci_97.5": interval.ci_high}
    if controls.random_coords is not MISSING:
        values["n_controls"] = len(controls.random_coords)
    return values


def _metrics(metrics: Metrics | MISSING, part: str) -> dict[str, Value]:
    if metrics is MISSING:
        return {}
    values = {metric: getattr(metrics, metric) for metric in METRICS}
    return {f"{part}_{metric}": value for metric, value in values.items() if value is not MISSING}


def _shifts(card: SuperWeightCard) -> dict[str, Value]:
    shifts = card.token_shifts
    if shifts is MISSING:
        return {}
    return {
        "total_variation": shifts.total_variation,
        "tokens_up": texts_of(shifts.up),
        "tokens_down": texts_of(shifts.down),
    }
