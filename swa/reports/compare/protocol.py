"""What numbers depend on: runs that differ in it are not compared unless that is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from pydantic import MISSING, JsonValue

from swa.reports.compare.runs import Run
from swa.schemas.evaluation import ModelAnalysis

_SEARCH = ("screen", "screen_top", "spike_threshold", "max_iterations", "prompt")
"""Options of the search: they decide what is found, and are what runs of one model are compared by."""
_WINDOWS = ("window_len", "stride", "tokens")
_SHORT = 12


def protocol_of(run: Run) -> dict[str, JsonValue]:
    """What the run's numbers depend on, by name; what was not measured is absent."""
    facts: dict[str, JsonValue] = {}
    if run.analysis is not None:
        facts |= _of_evaluation(run.analysis)
    if run.detection is not None:
        facts["text of the confirmation"] = _known(run.detection.dataset_fingerprint)
    return {name: value for name, value in facts.items() if value is not None}


def _of_evaluation(analysis: ModelAnalysis) -> dict[str, JsonValue]:
    perplexity, accuracy = analysis.baseline.perplexity, analysis.baseline.accuracy
    options = {} if analysis.run is MISSING else {name: one.value for name, one in analysis.run.options.items()}
    factors = sorted({impact.factor for impact in (*analysis.individual, *analysis.combined)})
    facts: dict[str, JsonValue] = {"scales": list(factors) or None}
    if analysis.run is not MISSING:
        facts["seed"] = analysis.run.seed
    if perplexity is not MISSING:
        facts |= {
            "perplexity protocol": perplexity.protocol,
            "text of the perplexity": _known(perplexity.dataset_fingerprint),
            "number of texts": perplexity.n_texts,
        }
        if perplexity.protocol == "windows":
            facts |= {name.replace("_", " "): options.get(name) for name in _WINDOWS}
    if accuracy is not MISSING:
        shots = options.get("num_fewshot")
        facts |= {
            "tasks": {task: f"{one.n} items, {one.metric}" for task, one in sorted(accuracy.items())},
            "few-shot examples": "the task's own" if shots is None else shots,
        }
    return facts


def _known(value: str | MISSING) -> str | None:
    return None if value is MISSING else value


def settings_of(run: Run) -> dict[str, JsonValue]:
    """What runs of one model may be compared by, by name."""
    facts: dict[str, JsonValue] = {}
    for header in run.headers[:1]:
        facts |= {"revision": header.revision, "weights": header.weights_fingerprint, "type": header.dtype}
    if run.detection is not None:
        found = run.detection
        facts |= {"revision": found.revision, "weights": found.weights_fingerprint, "type": found.dtype}
        facts["threshold"] = "auto" if found.threshold.value is MISSING else found.threshold.value
        facts["screens"] = list(found.screens)
    return facts | {name: value for name, value in search_of(run).items() if name not in ("spike_threshold", "screen")}


def search_of(run: Run) -> dict[str, JsonValue]:
    """Options of the search, by name."""
    if run.detection is None or run.detection.run is MISSING:
        return {}
    options = run.detection.run.options
    return {name: options[name].value for name in _SEARCH if name in options}


def mismatches(runs: Sequence[Run]) -> list[str]:
    """What differs between runs, one sentence each: the protocol of all, the search of different models."""
    found = list(_differences(runs, [protocol_of(run) for run in runs]))
    searches = {run.model: search_of(run) for run in runs}
    if len(searches) > 1:
        of_models = [run for run in runs if search_of(run)]
        found += _differences(of_models, [search_of(run) for run in of_models])
    return found


def _differences(runs: Sequence[Run], facts: Sequence[Mapping[str, JsonValue]]) -> Iterator[str]:
    """Only runs that have a fact can differ in it: what was not measured is missing, and no mismatch."""
    for name in dict.fromkeys(name for of_run in facts for name in of_run):
        holders: dict[str, list[str]] = {}
        for run, of_run in zip(runs, facts, strict=True):
            if name in of_run:
                holders.setdefault(written(of_run[name]), []).append(f"{run.model} ({run.sources[0]})")
        if len(holders) > 1:
            told = "; ".join(f"{value} in {', '.join(names)}" for value, names in holders.items())
            yield f"{name.replace('_', ' ')}: {told}"


def written(value: JsonValue) -> str:
    """A value in a sentence; of a fingerprint the beginning."""
    if isinstance(value, str):
        return value[:_SHORT] if len(value) == 64 else value
    if isinstance(value, dict):
        return ", ".join(f"{name} {written(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return " ".join(written(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)
