"""On what saved records depend: a file holds records of one key, and finished work of that key is not done again.

A key holds facts (weights, revision, type, text) and the options of its part that act and change something, in their
meaning: it is computed alike for a call and for what a saved run says of itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from swa.cascades.options import CascadeOptions
from swa.data.options import TextOptions, WindowOptions
from swa.detection.options import DetectOptions
from swa.errors import UsageError
from swa.evaluation.options import EvaluateOptions, TaskOptions
from swa.models.loading.options import LoadOptions
from swa.options import Changes, Options, SeedOptions, in_section, options_of, restored, written
from swa.runs.options import WeightOptions
from swa.schemas.run import Configuration, EffectiveOption, RunHeader
from swa.vocabulary.options import InterventionOptions, NeuronOptions

EXPERT_OPTIONS = in_section(DetectOptions, "Mixture of experts")
"""Options that are idle in dense models."""
SEARCH_OPTIONS = in_section(DetectOptions, "Detection") | EXPERT_OPTIONS
"""Options of how candidates are sought and tested."""


class Facts(NamedTuple):
    """What keys hold beside options.

    Attributes:
        weights_fingerprint: Of the model.
        revision: The hub's commit.
        dtype: Type of the weights in memory; as it was asked for, where only the weights themselves say more.
        dataset_fingerprint: Of the text, `None` where none is read.
    """

    weights_fingerprint: JsonValue
    revision: JsonValue
    dtype: JsonValue
    dataset_fingerprint: JsonValue


class RecordPart(NamedTuple):
    """Records that depend on the same options.

    Attributes:
        groups: The options, with the defaults that stand for what a saved run did not know.
        counts_choice: Whether records hold all that was asked for, so that the choice of items is part of their key;
            a file to which records are added holds items of several choices.
    """

    groups: tuple[Options, ...]
    counts_choice: bool = True

    @property
    def kinds(self) -> frozenset[Changes]:
        """The kinds of change that count."""
        return frozenset(("items", "records", "choice") if self.counts_choice else ("items", "records"))


DETECTION = RecordPart((LoadOptions(), DetectOptions()))
EVALUATION = RecordPart((LoadOptions(), EvaluateOptions(), TaskOptions()))
SUPER_WEIGHTS = RecordPart((LoadOptions(), WindowOptions(), InterventionOptions()), counts_choice=False)
NEURONS = RecordPart((NeuronOptions(),), counts_choice=False)
CENSUS = RecordPart((SeedOptions(),), counts_choice=False)
CASCADE = RecordPart((LoadOptions(), CascadeOptions()), counts_choice=False)
_ASKED = (
    *EVALUATION.groups,
    *(TextOptions(), WeightOptions(), DetectOptions()),
    *(WindowOptions(), InterventionOptions(), NeuronOptions(), CascadeOptions()),
)


def values_of(options: Mapping[str, EffectiveOption]) -> dict[str, JsonValue]:
    """Option values by name."""
    return {name: option.value for name, option in options.items()}


def record_key(
    part: RecordPart, values: Mapping[str, JsonValue], facts: Facts, *, idle: Collection[str] = ()
) -> Configuration:
    """The key of records.

    Args:
        part: Which records.
        values: Option values by name, of a call or of a saved run.
        facts: The facts.
        idle: Names of options that do not act in this model, such as those for experts in dense ones.

    Raises:
        ValueError: A value is none of its option.
        UsageError: Values exclude each other.
    """
    acting = {
        name: value
        for name, value in _acting(part.groups, values, kinds=part.kinds, with_facts=False).items()
        if name not in idle
    }
    content = {**facts._asdict(), **acting}
    text = json.dumps(content, sort_keys=True)
    return Configuration(key=hashlib.sha256(text.encode()).hexdigest(), values=content)


def is_same_work(
    part: RecordPart,
    run: RunHeader,
    values: Mapping[str, JsonValue],
    facts: Facts,
    *,
    idle: Collection[str] = (),
) -> bool:
    """Whether a saved run has the key that a call asks for.

    Args:
        part: Which records.
        run: The saved run.
        values: Option values of the call, by name.
        facts: Of the call.
        idle: Names of options that do not act in this model.
    """
    try:
        saved = record_key(part, values_of(run.options), facts_of(run, values, facts), idle=idle)
    except (ValueError, UsageError):
        return False
    return saved.key == record_key(part, values, facts, idle=idle).key


def facts_of(run: RunHeader, values: Mapping[str, JsonValue], facts: Facts) -> Facts:
    """The facts of a saved run; where only the weights say their type, the same ones have it if they were asked alike.

    Args:
        run: The saved run.
        values: Option values of the call, by name.
        facts: Of the call.
    """
    asked = run.options.get("dtype")
    asked_alike = asked is not None and asked.value == values["dtype"] == facts.dtype
    dtype = facts.dtype if asked_alike and run.weights_fingerprint == facts.weights_fingerprint else run.dtype
    return Facts(run.weights_fingerprint, run.revision, dtype, run.dataset_fingerprint)


def has_values(run: RunHeader, wanted: Mapping[str, JsonValue]) -> bool:
    """Whether the detection of a saved run had these values of its options."""
    try:
        had = written(restored(DetectOptions(), values_of(run.options)))
    except (ValueError, UsageError):
        return False
    return all(had[name] == value for name, value in wanted.items())


def asks_the_same(before: Mapping[str, EffectiveOption], now: Mapping[str, EffectiveOption]) -> bool:
    """Whether a call asks for what an earlier one of the same command did, so that it goes on under its name."""
    groups = [group for group in _ASKED if {one.name for one in options_of(type(group))} <= set(now)]
    kinds: frozenset[Changes] = frozenset(("items", "records", "choice"))
    try:
        saved = _acting(groups, values_of(before), kinds=kinds, with_facts=True)
    except (ValueError, UsageError):
        return False
    return saved == _acting(groups, values_of(now), kinds=kinds, with_facts=True)


def _acting(
    groups: Collection[Options], values: Mapping[str, JsonValue], *, kinds: Collection[Changes], with_facts: bool
) -> dict[str, JsonValue]:
    """The options that act and change something of these kinds, by name, each meaning in one spelling."""
    found: dict[str, JsonValue] = {}
    for default in groups:
        group = restored(default, values)
        resting = group.idle()
        for one in options_of(type(group)):
            counts = one.option.changes in kinds and (with_facts or one.option.fact is None)
            if counts and one.field not in resting:
                found[one.name] = one.write(getattr(group, one.field))
    return found
