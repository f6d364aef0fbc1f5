"""Finished cards go into a model's files, without records of another configuration ever standing under the new one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import MISSING

from swa.runs.driver.provenance import RunBlock
from swa.runs.files.cards import figures_of, remove_figures
from swa.runs.inputs.saved_cards import CENSUS, NEURONS, SUPER_WEIGHTS, SavedCards
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.run import Configuration
from swa.store.atomic import remove
from swa.store.census import write_census

if TYPE_CHECKING:
    from swa.vocabulary.census import SiteCensus


@dataclass(frozen=True)
class CardKeeper:
    """Writes the files of cards of one model.

    Attributes:
        saved: What earlier runs left.
        block: The run's block in `run_config.json`.
        wanted: Configurations of the files that are written.
        force: Whether what is there is replaced.
    """

    saved: SavedCards
    block: RunBlock
    wanted: Mapping[str, Configuration]
    force: bool

    def keep_neurons(self, cards: Sequence[NeuronCard]) -> list[NeuronCard]:
        """Write new cards of neurons behind the earlier ones; all cards of the file."""
        earlier = [] if self.force else list(self.saved.neurons)
        file = self.saved.neuron_file
        if self.force:
            self._drop_figures(neurons=self.saved.neurons)
        if self.force or not file.path.exists():
            file.replace([])
        self._adopt(NEURONS)
        kept = [*earlier, *cards]
        if cards:
            file.replace(kept)
        return kept

    def keep_super_weights(self, cards: Sequence[SuperWeightCard], notes: Sequence[str]) -> list[SuperWeightCard]:
        """Write cards of super weights: earlier ones in their places, new ones instead of them or behind; all cards."""
        earlier = [] if self.force else list(self.saved.super_weights)
        file, header = self.saved.super_weight_file, self.block.header
        earlier_notes = [] if not earlier or header.notes is MISSING else header.notes
        by_place = {card.coordinate: card for card in earlier} | {card.coordinate: card for card in cards}
        kept = list(by_place.values())
        assert header.named_by_module is not MISSING, "the plan puts it in"
        # what is there is not drawn, and the figure of a cascade may be that of `swa cascade`
        remove_figures(figures_of(self.saved.folder, cards, (), header.named_by_module))
        if kept == list(self.saved.super_weights) and file.path.exists():
            self._adopt(SUPER_WEIGHTS)
            return kept
        self._drop_figures(super_weights=[card for card in self.saved.super_weights if card not in kept])
        if self.force:
            file.replace([])
        self._adopt(SUPER_WEIGHTS)
        self.block.update(notes=list(dict.fromkeys([*earlier_notes, *notes])))
        file.replace(kept)
        return kept

    def keep_census(self, sites: Sequence[SiteCensus]) -> None:
        """Write the table of all neurons."""
        path = self.saved.folder.census
        remove(path)
        self._adopt(CENSUS)
        write_census(path, [site.columns() for site in sites])

    def _adopt(self, name: str) -> None:
        """Say in `run_config.json` what the file's cards depend on."""
        saved = self.block.header.configurations
        assert isinstance(saved, dict), "the plan puts it in"
        if saved.get(name) != self.wanted[name]:
            self.block.update(configurations={**saved, name: self.wanted[name]})

    def _drop_figures(
        self, *, super_weights: Iterable[SuperWeightCard] = (), neurons: Iterable[NeuronCard] = ()
    ) -> None:
        remove_figures(figures_of(self.saved.folder, super_weights, neurons, self.saved.by_module))
