"""Which super weights several runs of one model agree on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import MISSING, JsonValue

from swa.findings.verdict import are_tested, is_confirmed
from swa.reports.compare.protocol import settings_of
from swa.reports.compare.runs import Run
from swa.schemas.summaries import RunAgreement


def agreements(runs: Sequence[Run]) -> list[RunAgreement]:
    """One entry a model with several runs that say what removal confirmed."""
    by_model: dict[str, list[Run]] = {}
    for run in runs:
        if _is_tested(run):
            by_model.setdefault(run.model, []).append(run)
    return [_agreement(model, of_model) for model, of_model in by_model.items() if len(of_model) > 1]


def differing_settings(runs: Sequence[Run]) -> dict[str, list[JsonValue]]:
    """What differs between runs, one value a run."""
    settings = [settings_of(run) for run in runs]
    names = dict.fromkeys(name for of_run in settings for name in of_run)
    values = {name: [of_run.get(name) for of_run in settings] for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found)}


def _is_tested(run: Run) -> bool:
    """Whether the detection removed its candidates, or found none to remove."""
    if run.detection is None:
        return False
    weights = run.detection.super_weights
    return not weights or are_tested(weights)


def _agreement(model: str, runs: Sequence[Run]) -> RunAgreement:
    names = [str(run.sources[0]) for run in runs]
    confirmed: dict[str, list[str]] = {}
    deltas: dict[str, dict[str, float]] = {}
    for name, run in zip(names, runs, strict=True):
        assert run.detection is not None, "it is tested"
        for weight in run.detection.super_weights:
            if is_confirmed(weight):
                confirmed.setdefault(weight.coordinate, []).append(name)
            if weight.confirmation is not MISSING:
                deltas.setdefault(weight.coordinate, {})[name] = weight.confirmation.delta_loss
    common = [coordinate for coordinate, holders in confirmed.items() if len(holders) == len(runs)]
    optional: dict[str, Any] = {"agreement": len(common) / len(confirmed)} if confirmed else {}
    shown: Mapping[str, Any] = {coordinate: deltas[coordinate] for coordinate in confirmed}
    return RunAgreement(
        model=model,
        runs=names,
        common=common,
        differing={coordinate: holders for coordinate, holders in confirmed.items() if coordinate not in common},
        settings=differing_settings(runs),
        delta_losses=dict(shown),
        **optional,
    )
