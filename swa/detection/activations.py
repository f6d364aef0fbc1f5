"""One look at a model: the extremes of all its down projections on the prompts, of its experts on windows of text too.

Prompts are few and short, so experts that they do not reach are sought on `ExpertSearch.windows`, see
docs/moe.md#routing-windows. Dense MLPs and shared experts see every token and are judged on the prompts alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor

from swa.detection.extremes import Extremes, find_extremes
from swa.engine.capture.capture import Activations, SiteActivation, capture
from swa.engine.capture.routing import Gate, Routing, gate_at, recorded_routing, selections_from_rows, tokens_of
from swa.engine.variants.interventions import ScaleEntries, applied
from swa.models.discovery.sites import Site
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.weights import matrix_of, resident
from swa.models.routing.layers import RoutedLayer


@dataclass(frozen=True)
class ExpertSearch:
    """What is needed to examine routed experts beside the rest.

    Attributes:
        layers: The layers that route.
        windows: `(n_windows, seq)` token ids on which experts are watched; may be empty.
        first_window: Number of the first one in the text.
        p_active_floor: Experts that a smaller share of the tokens selects are not examined.
        co_spike_threshold: What the co-spike score of an expert's candidate must exceed.
    """

    layers: tuple[RoutedLayer, ...]
    windows: Tensor
    first_window: int
    p_active_floor: float
    co_spike_threshold: float

    @property
    def window_names(self) -> list[str]:
        """How the windows are called where prompts are listed."""
        return [f"window {self.first_window + number}" for number in range(len(self.windows))]

    def window_texts(self, device: torch.device) -> list[Tensor]:
        """The windows one by one, `(1, seq)` each."""
        return [ids[None].to(device) for ids in self.windows]


@dataclass
class Look:
    """What one round of forward passes showed.

    Attributes:
        extremes: By site in the order of the forward pass, then by text. Of an expert's windows only those are kept
            that spike, and the one with the largest output.
        passes: The prompts' activations.
        routings: Selections on every text: the prompts, then the windows.
        lengths: Tokens of each text.
    """

    extremes: list[Extremes] = field(default_factory=list)
    passes: list[Activations] = field(default_factory=list)
    routings: list[Routing] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def gate_at(self, site: Site, text: int, position: int) -> Gate | None:
        """How a token of a text is sent to an expert; `None` for other sites and where that cannot be read."""
        for layer, selections in self.routings[text].items():
            if site in layer.experts:
                return gate_at(selections, site.expert or 0, position, n_tokens=self.lengths[text])
        return None


def look(
    loaded: LoadedModel,
    prompts: Sequence[Tensor],
    zeroed: Sequence[ScaleEntries],
    *,
    threshold: float | None,
    search: ExpertSearch | None = None,
) -> Look:
    """Run every text once with some scalars removed.

    Args:
        loaded: The model.
        prompts: Token ids `(1, n_tokens)`.
        zeroed: What is removed meanwhile.
        threshold: The rule of the spike screen: it decides which windows are kept.
        search: What to do about routed experts, `None` for dense models.
    """
    layers = search.layers if search else ()
    experts = [site for layer in layers for site in layer.experts]
    result = Look()
    of_windows: list[Extremes] = []
    with applied(loaded, zeroed):
        for ids in prompts:
            activations, routing = watch(loaded, loaded.sites.sites, ids, layers)
            result.passes.append(activations)
            result.routings.append(routing)
            result.lengths.append(ids.shape[1])
        kept = _Loudest(threshold)
        for number, ids in enumerate(search.window_texts(loaded.device) if search else (), start=len(prompts)):
            activations, routing = watch(loaded, experts, ids, layers)
            result.routings.append(routing)
            result.lengths.append(ids.shape[1])
            wanted = [site for site, seen in activations.sites.items() if kept.wants(site, seen)]
            for site, matrix in _matrices(loaded, wanted, zeroed):
                kept.add(find_extremes(site, activations, matrix, prompt=number))
        of_windows = list(kept)
    by_site: dict[Site, list[Extremes]] = {}
    for seen in of_windows:
        by_site.setdefault(seen.site, []).append(seen)
    shown = {site: [i for i, seen in enumerate(result.passes) if site in seen.sites] for site in loaded.sites}
    matrices = _matrices(loaded, [site for site, prompts_of in shown.items() if prompts_of], zeroed)
    on_prompts = {
        site: [find_extremes(site, result.passes[index], matrix, prompt=index) for index in shown[site]]
        for site, matrix in matrices
    }
    for site in loaded.sites:
        result.extremes += [*on_prompts.get(site, []), *by_site.get(site, [])]
    return result


def watch(
    loaded: LoadedModel, sites: Sequence[Site], ids: Tensor, layers: Sequence[RoutedLayer]
) -> tuple[Activations, Routing]:
    """Capture sites and selections in one forward pass of `ids` `(1, n_tokens)`; experts keep their own tokens only."""
    n_tokens = ids.shape[1]
    with recorded_routing(loaded.model, layers) as routing:
        activations = capture(loaded.model, sites, ids)
    for layer in layers:
        seen = {site: activations.sites[site] for site in layer.experts if site in activations.sites}
        if layer.point is None:
            tokens = {site: activation.tokens for site, activation in seen.items()}
            routing[layer] = selections_from_rows(layer.experts, tokens, n_tokens)
            continue
        for site, activation in seen.items():
            own = torch.isin(activation.tokens, tokens_of(routing[layer], site.expert or 0) % n_tokens)
            if not own.any():
                del activations.sites[site]
            elif not own.all():  # Llama 4 runs every expert on every token, with zeros for those of others
                activations.sites[site] = _rows(activation, own)
    return activations, routing


def _rows(activation: SiteActivation, chosen: Tensor) -> SiteActivation:
    rows = chosen.to(activation.x.device)
    return SiteActivation(
        activation.x[rows], activation.y[rows], activation.bias, activation.tokens[chosen], activation.added
    )


def _matrices(
    loaded: LoadedModel, sites: Sequence[Site], zeroed: Sequence[ScaleEntries]
) -> Iterator[tuple[Site, Tensor]]:
    """`W` of each site without the removed scalars, also where they are not removed from the weights themselves.

    All experts of one parameter are read from disk at once.
    """
    for path, of_module in groupby(sites, key=lambda site: site.module):
        with resident(loaded.model.get_submodule(path)):
            for site in of_module:
                matrix = matrix_of(loaded.model, site)
                removed = [edit.index for edit in zeroed if edit.site == site]
                if removed:
                    matrix = matrix.clone()
                    for index in removed:
                        matrix[index] = 0.0
                yield site, matrix


class _Loudest:
    """Keeps, of each site, the extremes that spike and those with the largest output."""

    def __init__(self, threshold: float | None) -> None:
        self._threshold = threshold
        self._spiking: list[Extremes] = []
        self._largest: dict[Site, Extremes] = {}

    def wants(self, site: Site, activation: SiteActivation) -> bool:
        """Whether it may be kept: asked before the extremes are attributed, which costs more."""
        if self._threshold is None or site not in self._largest:
            return True
        output = float(activation.y.float().abs().max())
        louder = output > abs(self._largest[site].output_value)
        return louder or (output > self._threshold and float(activation.x.float().abs().max()) > self._threshold)

    def add(self, seen: Extremes) -> None:
        """Keep what is worth it."""
        largest = self._largest.get(seen.site)
        if largest is None or abs(seen.output_value) > abs(largest.output_value):
            self._largest[seen.site] = seen
        if seen.passes(self._threshold):
            self._spiking.append(seen)

    def __iter__(self) -> Iterator[Extremes]:
        """The kept ones in the order of the texts."""
        spiking = {id(seen) for seen in self._spiking}
        kept = [*self._spiking, *(seen for seen in self._largest.values() if id(seen) not in spiking)]
        return iter(sorted(kept, key=lambda seen: seen.prompt))
