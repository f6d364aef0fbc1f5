"""A vocabulary analysis that is finished: shown again from its cards, without the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from swa.cli.declare.invocation import Invocation
from swa.cli.header import completed_by, write_block
from swa.cli.neuron_choice import identity
from swa.cli.super_weights import Known
from swa.cli.terminal.progress import TerminalProgress
from swa.cli.vocab_choices import VocabChoices
from swa.cli.vocab_files import paths_of, write_derived
from swa.cli.vocab_shelf import Shelf, neuron_of
from swa.reports.vocab_summary import model_summary
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.run import RunHeader
from swa.schemas.summaries import ModelSummary


class Analysed(NamedTuple):
    """A finished vocabulary analysis.

    Attributes:
        folder: The model's folder.
        super_weights: The cards that were asked for.
        neurons: The cards that were asked for.
        known: Where the super weights are from.
        summary: Of all cards in the folder.
        header: The run that made them.
        files: Paths by name.
        is_new: Whether something was computed.
    """

    folder: Path
    super_weights: Sequence[SuperWeightCard]
    neurons: Sequence[NeuronCard]
    known: Known
    summary: ModelSummary
    header: RunHeader
    files: dict[str, str]
    is_new: bool


def is_finished(choices: VocabChoices, shelf: Shelf, known: Known) -> bool:
    """Whether every card that is asked for is there, so far as can be said without the model."""
    unclear = shelf.by_module.neurons
    return (
        shelf.header is not None
        and (not choices.super_weights or shelf.super_weight_file.path.exists())
        and (not choices.has_neuron_cards or shelf.neuron_file.path.exists())
        and (not choices.census or shelf.folder.census.exists())
        and shelf.holds(known.coordinates, known.candidates)
        and all(choice.is_in(shelf.neurons, unclear=unclear) for choice in choices.neurons)
    )


def take_finished(
    choices: VocabChoices, shelf: Shelf, known: Known, *, call: Invocation, progress: TerminalProgress
) -> Analysed:
    """Take what is there; tables and figures that an interruption kept from being written are made from the cards.

    Raises:
        WriteError: Something could not be written.
    """
    header = shelf.header
    assert header is not None, "without it nothing is finished"
    by_coordinate = {card.coordinate: card for card in shelf.super_weights}
    super_weights = [by_coordinate[text] for text in known.coordinates]
    write_derived(shelf.folder, shelf.super_weights, shelf.neurons, shelf.by_module, progress)
    if header.status != "complete":
        header = completed_by(header, call)
        write_block(shelf.folder.run_config, header, progress.warn)
    return Analysed(
        shelf.folder.path,
        super_weights,
        _asked_neurons(choices, shelf, super_weights),
        known,
        model_summary(header.model, shelf.super_weights, shelf.neurons, threshold=known.threshold),
        header,
        {**paths_of(shelf.folder), **known.files},
        is_new=False,
    )


def _asked_neurons(choices: VocabChoices, shelf: Shelf, super_weights: Sequence[SuperWeightCard]) -> list[NeuronCard]:
    columns = set(map(neuron_of, super_weights))
    unclear = shelf.by_module.neurons
    return [
        card
        for card in shelf.neurons
        if identity(card) in columns or any(choice.is_in([card], unclear=unclear) for choice in choices.neurons)
    ]
