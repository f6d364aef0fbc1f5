"""Neurons as people name them, `10:523` or `3:e17:42`, and which columns of a model they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pydantic import MISSING

from swa.errors import UsageError
from swa.schemas.cards import NeuronCard

if TYPE_CHECKING:
    from swa.models.discovery.sites import Site, SiteMap
    from swa.models.loading.loaded import LoadedModel
    from swa.schemas.detection import SuperWeight

_KINDS = ("mlp_out", "shared_expert", "aux")
"""Of a layer's down projections that are no routed expert's, the one that a layer's number stands for."""


class Neuron(NamedTuple):
    """A neuron of a model.

    Attributes:
        site: Its down projection.
        number: Its column.
    """

    site: Site
    number: int

    def has_card(self, cards: Iterable[NeuronCard]) -> bool:
        """Whether one of the cards is its."""
        return (self.site.module, self.site.expert, self.number) in map(identity, cards)


class NeuronSelector(NamedTuple):
    """A value of `--neurons`.

    Attributes:
        text: As it was written.
        place: Number of the layer, or path of the module.
        expert: Number of the expert, `None` for other down projections.
        number: Column.
    """

    text: str
    place: str
    expert: int | None
    number: int

    @classmethod
    def parse(cls, text: str) -> NeuronSelector:
        """Read `layer:neuron` or `layer:eEXPERT:neuron`, whose form has been checked."""
        place, *expert, number = text.split(":")
        return cls(text, place, int(expert[0][1:]) if expert else None, int(number))

    def find(self, sites: SiteMap) -> Neuron:
        """The neuron of a loaded model.

        Raises:
            UsageError: The model has no such neuron, or several.
        """
        site = self._only(self._candidates(sites), sites)
        if self.number >= site.d_ff:
            raise UsageError(
                f"--neurons {self.text} is out of range: '{site.module}' has neurons 0 to {site.d_ff - 1}."
            )
        return Neuron(site, self.number)

    def is_in(self, cards: Iterable[NeuronCard], *, unclear: Sequence[str]) -> bool:
        """Whether a card is surely this neuron's, so far as can be said without the model.

        Args:
            cards: The cards.
            unclear: Modules whose layer has several down projections.
        """
        for card in cards:
            if (card.expert, card.neuron) != (self.expert, self.number) or card.module is MISSING:
                continue
            if self.place == card.module or (self.place == str(card.layer) and card.module not in unclear):
                return True
        return False

    def _candidates(self, sites: SiteMap) -> list[Site]:
        if not self.place.isdecimal():
            return [site for site in sites if (site.module, site.expert) == (self.place, self.expert)]
        of_layer = [site for site in sites if site.layer == int(self.place) and site.expert == self.expert]
        kinds = [kind for kind in _KINDS if any(site.kind == kind for site in of_layer)]
        return [site for site in of_layer if not kinds or site.kind == kinds[0]]

    def _only(self, found: Sequence[Site], sites: SiteMap) -> Site:
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f"--neurons {self.text} could be in {', '.join(site.module for site in found)}.",
                hint=f"Name the module: --neurons {':'.join([found[0].module, *self.text.split(':')[1:]])}.",
            )
        raise UsageError(f"The model has no down projection for --neurons {self.text}.", hint=self._hint(sites))

    def _hint(self, sites: SiteMap) -> str:
        of_layer = [site for site in sites if str(site.layer) == self.place]
        experts = [site.expert for site in of_layer if site.expert is not None]
        if experts:
            return (
                f"Layer {self.place} has experts {min(experts)} to {max(experts)}: write {self.place}:e0:{self.number}."
            )
        if of_layer:
            return f"Layer {self.place} has no experts: write {self.place}:{self.number}."
        layers = [site.layer for site in sites]
        return f"Layers with a down projection are {min(layers)} to {max(layers)}."


def identity(card: NeuronCard) -> tuple[str, int | None, int]:
    """What tells a card's neuron from all others of its model."""
    return ("" if card.module is MISSING else card.module, card.expert, card.neuron)


def unclear_modules(sites: SiteMap) -> list[str]:
    """Modules of which layer and expert say too little: names of neurons' files hold no more.

    See docs/files.md#vocabulary-and-cascade.
    """
    return _shared(sites, lambda site: (site.layer, site.expert))


def crowded_modules(sites: SiteMap) -> list[str]:
    """Modules of which kind, layer and expert say too little: names of super weights' files hold no more."""
    return _shared(sites, lambda site: (site.kind, site.layer, site.expert))


def _shared(sites: SiteMap, name: Callable[[Site], Hashable]) -> list[str]:
    """Modules with a name that another site has too, each once."""
    counts = Counter(map(name, sites))
    return list(dict.fromkeys(site.module for site in sites if counts[name(site)] > 1))


def neurons_of(loaded: LoadedModel, weights: Iterable[SuperWeight]) -> list[Neuron]:
    """The neurons (columns) of super weights, each once."""
    return list(dict.fromkeys(Neuron(loaded.sites.find(weight.coordinate), weight.col) for weight in weights))


def cards_among(cards: Iterable[NeuronCard], neurons: Iterable[Neuron]) -> list[NeuronCard]:
    """The cards of these neurons, in the neurons' order; one for which effects are not defined has none."""
    by_identity = {identity(card): card for card in cards}
    places = ((neuron.site.module, neuron.site.expert, neuron.number) for neuron in dict.fromkeys(neurons))
    return [by_identity[place] for place in places if place in by_identity]
