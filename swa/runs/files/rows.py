"""Cards as flat rows, for the tables in `summaries/`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from pydantic import MISSING

from swa.schemas.cards import Metrics, Moments, NeuronCard, SuperWeightCard, TokenShift, TopToken
from swa.store.csvtext import Cell

_METRICS = ("loss", "entropy", "topk_margin", "stopword_mass", "logit_margin")
_BOOTSTRAPPED = _METRICS[:4]
_MOMENTS = ("var", "skew", "kurt")
N_TOKENS = 10
"""Tokens of each end that a cell lists."""

_PLACE = ("model", "layer", "expert", "module")
NEURON_COLUMNS = (
    *_PLACE,
    "neuron",
    "label",
    *_MOMENTS,
    *(f"{name}_cos" for name in _MOMENTS),
    "percentile_var",
    "percentile_kurt",
    "top_tokens_up",
    "top_tokens_down",
    "enriched_classes",
)
_CONTROLS = ("control_mean", "control_std", "control_max", "neuron_zero")
SUPER_WEIGHT_COLUMNS = (
    *_PLACE,
    "tensor",
    "row",
    "col",
    "coordinate",
    "weight",
    "edit_inactive",
    *(f"{name}_{metric}" for metric in _METRICS for name in ("baseline", "delta", *_CONTROLS)),
    *(f"{metric}_{end}" for metric in _BOOTSTRAPPED for end in ("ci_2.5", "ci_97.5")),
    "n_windows",
    "n_controls",
    "total_variation",
    "tokens_up",
    "tokens_down",
)


def neuron_row(card: NeuronCard) -> dict[str, Cell]:
    """One neuron; what the card does not hold is missing."""
    row: dict[str, Cell] = {
        "model": card.model,
        "layer": card.layer,
        "expert": card.expert,
        "module": _or_none(card.module),
        "neuron": card.neuron,
        "label": card.label,
        **_moments(card.moments, ""),
        **_moments(card.moments_cos, "_cos"),
        "top_tokens_up": _texts(card.top_tokens_up),
        "top_tokens_down": _texts(card.top_tokens_down),
    }
    if card.percentiles is not MISSING:
        row |= {"percentile_var": card.percentiles.var, "percentile_kurt": card.percentiles.kurt}
    if card.enrichment is not MISSING:
        enriched = [one for one in card.enrichment if one.q is not MISSING and one.q < 0.05]
        row["enriched_classes"] = json.dumps([one.class_ for one in sorted(enriched, key=lambda one: -one.score)])
    return row


def super_weight_row(card: SuperWeightCard) -> dict[str, Cell]:
    """One super weight; what the card does not hold is missing."""
    controls = card.controls
    row: dict[str, Cell] = {
        "model": card.model,
        "layer": card.layer,
        "expert": card.expert,
        "module": _or_none(card.module),
        "tensor": card.tensor,
        "row": card.row,
        "col": card.col,
        "coordinate": _or_none(card.coordinate),
        "weight": _or_none(card.weight),
        "edit_inactive": _or_none(card.edit_inactive),
        **_metrics(card.baselines, "baseline"),
        **_metrics(card.deltas, "delta"),
        **_metrics(controls.random_coord_delta, "control_mean"),
        **_metrics(controls.random_coord_std, "control_std"),
        **_metrics(controls.random_coord_max, "control_max"),
        **_metrics(controls.neuron_zero_delta, "neuron_zero"),
    }
    if card.bootstrap is not MISSING:
        row["n_windows"] = card.bootstrap.loss.n_windows
        for metric in _BOOTSTRAPPED:
            interval = getattr(card.bootstrap, metric)
            if interval is not MISSING:
                row |= {f"{metric}_ci_2.5": interval.ci_low, f"{metric}_ci_97.5": interval.ci_high}
    if controls.random_coords is not MISSING:
        row["n_controls"] = len(controls.random_coords)
    if card.token_shifts is not MISSING:
        row["total_variation"] = card.token_shifts.total_variation
        row |= {"tokens_up": _texts(card.token_shifts.up), "tokens_down": _texts(card.token_shifts.down)}
    return row


def _or_none(value: str | float | MISSING) -> Cell:
    return None if value is MISSING else value


def _moments(moments: Moments | MISSING, suffix: str) -> dict[str, Cell]:
    return {} if moments is MISSING else {f"{name}{suffix}": getattr(moments, name) for name in _MOMENTS}


def _metrics(metrics: Metrics | MISSING, prefix: str) -> dict[str, Cell]:
    if metrics is MISSING:
        return {}
    values = {name: getattr(metrics, name) for name in _METRICS}
    return {f"{prefix}_{name}": value for name, value in values.items() if value is not MISSING}


def _texts(tokens: Sequence[TopToken] | Sequence[TokenShift]) -> str:
    """A list in JSON: it keeps blanks and control characters, and a program can read it back."""
    found: Iterable[str] = (token.str_ for token in tokens[:N_TOKENS])
    return json.dumps(list(found), ensure_ascii=False)
