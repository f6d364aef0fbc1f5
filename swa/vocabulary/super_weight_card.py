"""From the sums of a pass to the card of one super weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import MISSING

from swa.engine.measures.pass_sums import PassSums
from swa.engine.measures.window_metrics import METRICS
from swa.engine.variants.inactive import why_inactive
from swa.engine.variants.interventions import BASELINE
from swa.models.loading.loaded import LoadedModel
from swa.models.unit import Address
from swa.schemas.cards import CascadeBlock, SuperWeightCard
from swa.stats import bootstrap_ratio_of_sums, seeded_generator
from swa.vocabulary.interventions import Intervention
from swa.vocabulary.options import InterventionOptions
from swa.vocabulary.shifts import token_shifts

TENSORS = {"mlp_out": "mlp_out", "expert": "expert_out", "shared_expert": "shared_expert_out", "aux": "aux_out"}
"""Kind of a site → what its tensor is called in cards and file names."""
_BOOTSTRAPPED = METRICS[:4]

Values = NDArray[np.float64]


def super_weight_card(
    loaded: LoadedModel,
    intervention: Intervention,
    sums: PassSums,
    *,
    options: InterventionOptions,
    excluded_ids: Sequence[int],
    text_ids: torch.Tensor,
    cascade: CascadeBlock | None,
) -> SuperWeightCard:
    """Make a card.

    Args:
        loaded: The model.
        intervention: The super weight and its variants.
        sums: What the pass added up.
        options: The choices.
        excluded_ids: Special and padded ids, which no token shift shows.
        text_ids: `(1, seq)` a window, to look into a removal without any effect.
        cascade: The removal layer by layer, where it was read.
    """
    site, record = intervention.site, intervention.record
    removal, baseline = intervention.removal.name, sums.metrics[BASELINE.name]
    n_targets = sums.n_targets
    delta = _delta(sums, removal)
    optional: dict[str, Any] = {}
    if not (sums.metrics[removal] - baseline).any():
        optional["edit_inactive"] = why_inactive(loaded, Address(site, record.row, record.col), text_ids)
    if options.bootstrap:
        optional["bootstrap"] = _bootstrap(sums, removal, delta, record.coordinate, options)
    if cascade is not None:
        optional["cascade"] = cascade
    if record.moe is not MISSING:
        optional["moe"] = record.moe
    card = {
        "model": loaded.name,
        "tensor": TENSORS[site.kind],
        "layer": site.layer,
        "row": record.row,
        "col": record.col,
        "expert": site.expert,
        "module": site.module,
        "coordinate": record.coordinate,
        "weight": record.weight,
        "baselines": _metrics(baseline.sum(axis=0) / n_targets.sum()),
        "deltas": _metrics(delta),
        "controls": _controls(sums, intervention),
        "token_shifts": token_shifts(
            loaded.tokenizer, sums, removal, n_top=options.top_tokens, excluded_ids=excluded_ids
        ),
        **optional,
    }
    return SuperWeightCard.model_validate(card)


def _delta(sums: PassSums, name: str) -> Values:
    """Token-weighted change of every metric: Σ over windows of the change of the sums, over all targets."""
    change: Values = (sums.metrics[name] - sums.metrics[BASELINE.name]).sum(axis=0) / sums.n_targets.sum()
    return change


def _metrics(values: Values) -> dict[str, float]:
    return dict(zip(METRICS, values.tolist(), strict=True))


def _controls(sums: PassSums, intervention: Intervention) -> dict[str, Any]:
    deltas = np.stack([_delta(sums, control.name) for control in intervention.controls])
    largest = np.abs(deltas).argmax(axis=0)
    found: dict[str, Any] = {
        "random_coord_delta": _metrics(deltas.mean(axis=0)),
        "random_coord_max": _metrics(deltas[largest, np.arange(len(METRICS))]),
        "random_coords": list(intervention.control_coords),
        "neuron_zero_delta": _metrics(_delta(sums, intervention.neuron.name)),
    }
    if len(deltas) > 1:
        found["random_coord_std"] = _metrics(deltas.std(axis=0, ddof=1))
    return found


def _bootstrap(
    sums: PassSums, removal: str, delta: Values, coordinate: str, options: InterventionOptions
) -> dict[str, Any]:
    change = sums.metrics[removal] - sums.metrics[BASELINE.name]
    found = {}
    for number, name in enumerate(_BOOTSTRAPPED):
        # a generator of its own that starts alike: every metric sees the same draws of windows
        interval = bootstrap_ratio_of_sums(
            change[:, number],
            sums.n_targets,
            generator=seeded_generator(options.seed, "bootstrap", coordinate),
            n_resamples=options.bootstrap,
        )
        found[name] = {
            "mean": float(delta[number]),
            "ci_2.5": interval.low,
            "ci_97.5": interval.high,
            "n_windows": len(sums.n_targets),
        }
    return found
