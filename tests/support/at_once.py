"""Planned analyses run at once, as the plain functions of the Python API do it."""

from __future__ import annotations

from typing import Any

from swa.engine.ledger import MemoryLedger, Work, finish
from swa.progress import Progress, SilentProgress
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.vocabulary.census import SiteCensus, plan_census
from swa.vocabulary.neurons import plan_neuron_cards
from swa.vocabulary.space import vocabulary_space
from swa.vocabulary.super_weight_cards import plan_super_weight_cards


def records_of(work: Work[Any], progress: Progress | None = None) -> Any:
    """What a work gives."""
    return finish(work, MemoryLedger(), progress or SilentProgress())


def super_weight_cards(*args, **details) -> list[SuperWeightCard]:
    """Cards of super weights."""
    return records_of(plan_super_weight_cards(*args, **details)).cards


def neuron_cards(loaded, neurons, *, options=None, space=None) -> list[NeuronCard]:
    """Cards of neurons."""
    return records_of(plan_neuron_cards(space or vocabulary_space(loaded), neurons, options=options))


def census(loaded, *, space=None, progress=None, **details) -> list[SiteCensus]:
    """The census of a model."""
    return records_of(plan_census(space or vocabulary_space(loaded), progress=progress, **details))
