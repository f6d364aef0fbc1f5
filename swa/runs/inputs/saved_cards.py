"""The cards that lie in a model's folder: which are there, of what configuration, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import MISSING

from swa.runs.driver import keys
from swa.runs.driver.configurations import check_configuration
from swa.runs.driver.provenance import last_run
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.detection import SuperWeight
from swa.schemas.run import Configuration, NamedByModule, RunHeader
from swa.store.cards import CardFile
from swa.store.vocab_tree import VocabFolder
from swa.vocabulary.selectors import identity

COMMAND = "vocab"
SUPER_WEIGHTS, NEURONS, CENSUS = "super_weights", "neurons", "census"
"""Names of the files in a header's configurations."""
PARTS = {SUPER_WEIGHTS: keys.SUPER_WEIGHTS, NEURONS: keys.NEURONS, CENSUS: keys.CENSUS}
"""What their records depend on, by name."""


@dataclass(frozen=True)
class SavedCards:
    """What earlier runs left.

    Attributes:
        folder: The model's folder.
        super_weight_file: The file of the cards of super weights.
        neuron_file: The file of the cards of neurons.
        super_weights: Its cards.
        neurons: Its cards.
        header: The last run, `None` where nothing says.
    """

    folder: VocabFolder
    super_weight_file: CardFile[SuperWeightCard]
    neuron_file: CardFile[NeuronCard]
    super_weights: tuple[SuperWeightCard, ...]
    neurons: tuple[NeuronCard, ...]
    header: RunHeader | None

    @classmethod
    def open(cls, folder: VocabFolder, warn: Callable[[str], None]) -> SavedCards:
        """Read what is there.

        Raises:
            WriteError: A torn line could not be cut off.
        """
        super_weights = CardFile(folder.super_weight_cards, SuperWeightCard, warn=warn)
        neurons = CardFile(folder.neuron_cards, NeuronCard, warn=warn)
        return cls(
            folder,
            super_weights,
            neurons,
            tuple(super_weights.read()),
            tuple(neurons.read()),
            last_run(folder, COMMAND),
        )

    @property
    def configurations(self) -> dict[str, Configuration]:
        """By name: what the cards depend on."""
        found = MISSING if self.header is None else self.header.configurations
        return {} if found is MISSING else dict(found)

    @property
    def by_module(self) -> NamedByModule:
        """Modules that stand in the names of figures."""
        found = MISSING if self.header is None else self.header.named_by_module
        return NamedByModule(neurons=[], super_weights=[]) if found is MISSING else found

    def check(self, wanted: Mapping[str, Configuration]) -> None:
        """Refuse a call that would mix configurations in a file.

        Args:
            wanted: Configurations of the files that the call writes.

        Raises:
            UsageError: Cards of another one are there.
        """
        filled = {
            SUPER_WEIGHTS: (self.folder.super_weight_cards, bool(self.super_weights)),
            NEURONS: (self.folder.neuron_cards, bool(self.neurons)),
            CENSUS: (self.folder.census, self.folder.census.exists()),
        }
        for name, configuration in wanted.items():
            path, is_filled = filled[name]
            if is_filled:
                check_configuration(PARTS[name], path, configuration, self.configurations.get(name))

    def has_card(self, weight: SuperWeight, candidates: Sequence[SuperWeight]) -> bool:
        """Whether a super weight has a card whose controls keep away from all candidates."""
        return any(card.coordinate == weight.coordinate and keeps_away(card, candidates) for card in self.super_weights)

    def holds(self, coordinates: Iterable[str], candidates: Sequence[SuperWeight]) -> bool:
        """Whether all of these super weights have a card, and a card for their neuron where there can be one.

        Args:
            coordinates: Text forms.
            candidates: What controls keep away from.
        """
        cards = {card.coordinate: card for card in self.super_weights if keeps_away(card, candidates)}
        neurons = set(map(identity, self.neurons))
        found = MISSING if self.header is None else self.header.without_effects
        undefined = [] if found is MISSING else found
        return all(
            text in cards and (neuron_of(cards[text]) in neurons or cards[text].module in undefined)
            for text in coordinates
        )


def keeps_away(card: SuperWeightCard, candidates: Iterable[SuperWeight]) -> bool:
    """Whether no control of a card shares a row or a column with a super weight or candidate.

    See docs/methods.md#controls.

    Those that were not known when the card was made are why this is asked.
    """
    controls = [] if card.controls.random_coords is MISSING else card.controls.random_coords
    special = [one for one in candidates if (one.module, one.expert) == (card.module, card.expert)]
    rows, cols = {one.row for one in special}, {one.col for one in special}
    return not any(row in rows or col in cols for row, col in controls)


def neuron_of(card: SuperWeightCard) -> tuple[str, int | None, int]:
    """What tells a super weight's neuron from all others of its model; see `identity`."""
    return ("" if card.module is MISSING else card.module, card.expert, card.col)
