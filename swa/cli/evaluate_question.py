"""What an evaluation asks: the options on which its numbers depend, of this call and of saved runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import MISSING, JsonValue

from swa.cli.declare.command import Invocation
from swa.cli.declare.options import SearchOptions
from swa.cli.super_weights import Known
from swa.cli.workplace import Workplace
from swa.schemas.evaluation import ModelAnalysis
from swa.schemas.run import EffectiveOption, RunHeader

_ALWAYS = tuple("scales skip_individual skip_combined skip_perplexity skip_accuracy seed batch_size max_memory".split())
_PARAGRAPHS = ("protocol", "perplexity_samples")
_WINDOWS = ("protocol", "window_len", "stride", "tokens")
_ACCURACY = ("accuracy_tasks", "accuracy_samples", "num_fewshot", "data_dir")
_SUBJECT = ("super_weights", "all_candidates", "dataset", "dtype", *(field.name for field in fields(SearchOptions)))


def question(options: Mapping[str, EffectiveOption]) -> dict[str, JsonValue]:
    """The options that act and change numbers, beside weights, super weights and text; repeated values count once."""
    names = [*_ALWAYS]
    if not _value(options, "skip_perplexity"):
        names += _WINDOWS if _value(options, "protocol") == "windows" else _PARAGRAPHS
    if not _value(options, "skip_accuracy"):
        names += _ACCURACY
    return {name: _value(options, name) for name in names}


def is_answered_by(
    analysis: ModelAnalysis, call: Invocation, place: Workplace, *, known: Known, dataset_fingerprint: str | None
) -> bool:
    """Whether a saved analysis is what the call asks for."""
    run, weights = analysis.run, analysis.super_weights
    if run is MISSING or weights is MISSING or analysis.family is MISSING or run.status != "complete":
        return False
    return (
        place.has_weights_of(run)
        and (run.revision, run.dataset_fingerprint) == (place.checkpoint.revision, dataset_fingerprint)
        and [weight.coordinate for weight in weights] == known.coordinates
        and question(run.options) == question(call.options)
    )


def is_continued_by(run: RunHeader, call: Invocation) -> bool:
    """Whether a call goes on with an unfinished run, and so keeps the names of its files."""
    same_subject = all(_value(run.options, name) == _value(call.options, name) for name in _SUBJECT)
    return run.status != "complete" and same_subject and question(run.options) == question(call.options)


def _value(options: Mapping[str, EffectiveOption], name: str) -> Any:
    value = options[name].value if name in options else None
    return list(dict.fromkeys(map(str, value))) if isinstance(value, list) else value
