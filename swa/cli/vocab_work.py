"""The computing part of `swa vocab` on one loaded model: what is missing is computed and kept as it is finished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import MISSING

from swa.cli.header import RunBlock
from swa.cli.neuron_choice import Neuron, identity
from swa.cli.super_weights import Taken
from swa.cli.terminal.progress import TerminalProgress
from swa.cli.vocab_choices import VocabChoices
from swa.cli.vocab_files import figures_of, remove_figures
from swa.cli.vocab_shelf import CENSUS, NEURONS, SUPER_WEIGHTS, Shelf, keeps_away
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.detection import SuperWeight
from swa.schemas.run import Configuration
from swa.store.atomic import remove
from swa.store.census import write_census
from swa.store.ledger import FileLedger

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.models.loading.loaded import LoadedModel
    from swa.vocabulary.space import VocabularySpace


@dataclass
class VocabWork:
    """One model at work.

    Attributes:
        loaded: The model.
        shelf: What earlier runs left.
        choices: What is asked for.
        wanted: Configurations of the files that are written.
        block: The run's block in `run_config.json`.
        force: Whether what is there is computed again.
        progress: Where the work is reported.
        super_weights: Cards as they are in the file.
        neurons: Cards as they are in the file.
        notes: What a reader of the numbers should know.
        ledger: What is finished.
        n_written: Cards that were written.
    """

    loaded: LoadedModel
    shelf: Shelf
    choices: VocabChoices
    wanted: Mapping[str, Configuration]
    block: RunBlock
    force: bool
    progress: TerminalProgress
    super_weights: list[SuperWeightCard] = field(init=False)
    neurons: list[NeuronCard] = field(init=False)
    notes: list[str] = field(default_factory=list)
    ledger: FileLedger = field(init=False)
    n_written: int = 0

    def __post_init__(self) -> None:
        """Begin with what is there."""
        self.super_weights, self.neurons = list(self.shelf.super_weights), list(self.shelf.neurons)
        folder = self.shelf.folder.path / "ledger"
        self.ledger = FileLedger(folder, warn=self.progress.warn, fresh=self.force)

    @property
    def n_kept(self) -> int:
        """How often something was kept: after a failure it is not lost."""
        return self.ledger.n_kept + self.n_written

    @cached_property
    def _space(self) -> VocabularySpace:
        """The model's vocabulary, which cards and census share."""
        from swa.cli.vocab_neurons import open_space

        return open_space(self.loaded)

    def write_neurons(self, of_super_weights: Sequence[Neuron], named: Sequence[Neuron]) -> None:
        """Compute the cards of neurons that have none.

        Args:
            of_super_weights: Neurons of super weights; where effects are not defined for one, that is said.
            named: Neurons that were named; each of them must have a card.

        Raises:
            UnsupportedModelError: Vocabulary effects are not defined for the model, or for a named neuron.
            WriteError: A card could not be kept.
        """
        from swa.cli.vocab_neurons import without_effects
        from swa.engine.ledger import finish
        from swa.vocabulary.neurons import plan_neuron_cards

        if self.force:
            self._drop_figures(neurons=self.neurons)
            self.neurons = []
        if self.force or not self.shelf.neuron_file.path.exists():
            self.shelf.neuron_file.replace([])
        self._adopt(NEURONS)
        asked = dict.fromkeys([*of_super_weights, *named])
        missing = [neuron for neuron in asked if not neuron.has_card(self.neurons)]
        if not missing:
            return
        undefined = without_effects(self._space, [neuron for neuron in missing if neuron not in named])
        self._say_undefined(undefined)
        possible = [neuron for neuron in missing if neuron in named or neuron.site.module not in undefined]
        planned = plan_neuron_cards(self._space, possible, options=self.choices.cards)
        self.neurons += finish(planned, self.ledger, self.progress)
        self.shelf.neuron_file.replace(self.neurons)
        self.n_written += len(possible)

    def _say_undefined(self, modules: Sequence[str]) -> None:
        known = [] if self.block.header.without_effects is MISSING else self.block.header.without_effects
        for module in modules:
            note = f"Neurons of {module} write elsewhere than where the unembedding reads; they have no card."
            self.progress.warn(note)
            self.notes.append(note)
        if not set(modules) <= set(known):
            self.block.update(without_effects=list(dict.fromkeys([*known, *modules])))

    def write_interventions(self, taken: Taken, text: TextSource | None) -> None:
        """Compute the cards of super weights that have none, all from one pass over the text.

        Raises:
            UnsupportedModelError: The model computes from copies of its weights, or a cascade is not defined for it.
            WriteError: The sums or the cards could not be kept.
        """
        from swa.engine.ledger import finish
        from swa.vocabulary.super_weight_cards import plan_super_weight_cards

        candidates = [*taken.known.candidates, *taken.weights]
        done = {card.coordinate for card in self.super_weights if keeps_away(card, candidates)}
        missing = [weight for weight in taken.weights if self.force or weight.coordinate not in done]
        if not missing:
            self._keep_interventions([])
            return
        assert text is not None, "a super weight is worked on with a text"
        planned = plan_super_weight_cards(
            self.loaded,
            missing,
            text,
            candidates=candidates,
            windows=self.choices.windows,
            options=self.choices.interventions,
            progress=self.progress,
        )
        self.progress.say(f"{self.loaded.name}: {planned.text}.")
        found = finish(planned, self.ledger, self.progress)
        self.notes += found.notes
        self._keep_interventions(found.cards)

    def write_census(self) -> None:
        """Count every neuron of the model, unless it is done.

        Raises:
            UnsupportedModelError: Vocabulary effects are not defined for the model.
            WriteError: A part could not be kept.
        """
        from swa.engine.ledger import finish
        from swa.vocabulary.census import plan_census

        path = self.shelf.folder.census
        if path.exists() and not self.force:
            return
        planned = plan_census(self._space, seed=self.choices.cards.seed, progress=self.progress)
        found = finish(planned, self.ledger, self.progress)
        remove(path)  # one of another configuration must never stand under the new one
        self._adopt(CENSUS)
        write_census(path, (one.columns() for one in found))

    def _keep_interventions(self, cards: Sequence[SuperWeightCard]) -> None:
        """Write the file: earlier cards in their places, computed ones instead of them or behind."""
        earlier = [] if self.force else self.super_weights
        earlier_notes = [] if not earlier or self.block.header.notes is MISSING else self.block.header.notes
        by_place = {card.coordinate: card for card in earlier} | {card.coordinate: card for card in cards}
        kept = list(by_place.values())
        by_module = self.block.header.named_by_module
        assert by_module is not MISSING, "the command puts it in"
        # what is there is not drawn, and the figure of a cascade may be that of `swa cascade`
        remove_figures(figures_of(self.shelf.folder, cards, (), by_module))
        if kept == list(self.shelf.super_weights) and self.shelf.super_weight_file.path.exists():
            self._adopt(SUPER_WEIGHTS)
            return
        self._drop_figures(super_weights=[card for card in self.super_weights if card not in kept])
        if self.force:  # cards of another configuration must never stand under the new one
            self.shelf.super_weight_file.replace([])
        self._adopt(SUPER_WEIGHTS)
        self.block.update(notes=list(dict.fromkeys([*earlier_notes, *self.notes])))
        self.shelf.super_weight_file.replace(kept)
        self.super_weights = kept
        self.n_written += len(cards)

    def _adopt(self, name: str) -> None:
        """Say in `run_config.json` what the file's cards depend on."""
        saved = self.block.header.configurations
        assert isinstance(saved, dict), "the command puts it in"
        if saved.get(name) != self.wanted[name]:
            self.block.update(configurations={**saved, name: self.wanted[name]})

    def _drop_figures(
        self, *, super_weights: Iterable[SuperWeightCard] = (), neurons: Iterable[NeuronCard] = ()
    ) -> None:
        remove_figures(figures_of(self.shelf.folder, super_weights, neurons, self.shelf.by_module))


def neurons_of(loaded: LoadedModel, weights: Iterable[SuperWeight]) -> list[Neuron]:
    """The neurons (columns) of super weights, each once."""
    return list(dict.fromkeys(Neuron(loaded.sites.find(weight.coordinate), weight.col) for weight in weights))


def cards_among(cards: Iterable[NeuronCard], neurons: Iterable[Neuron]) -> list[NeuronCard]:
    """The cards of these neurons, in the neurons' order; one for which effects are not defined has none."""
    by_identity = {identity(card): card for card in cards}
    places = ((neuron.site.module, neuron.site.expert, neuron.number) for neuron in dict.fromkeys(neurons))
    return [by_identity[place] for place in places if place in by_identity]
