"""Send every token to one expert: an intervention under which removals are measured (docs/moe.md#forced-routing)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

from pydantic import JsonValue

from swa.engine.variants.interventions import Intervention, Reach
from swa.models.loading.loaded import LoadedModel
from swa.models.routing.layers import RoutedLayer
from swa.models.routing.routers import Selections, Visit


def with_expert(selections: Selections, expert: int) -> Selections:
    """The same selections, but every token has the expert among its own.

    Where it is missing it takes the place and the weight of the selected one with the smallest weight (of one: its);
    where it is there nothing changes.
    """
    index, weights = selections.index, selections.weights
    assert weights is not None
    missing = ~(index == expert).any(dim=1)
    smallest = weights.argmin(dim=1)
    forced = index.clone()
    forced[missing, smallest[missing]] = expert
    return Selections(forced, weights)


@dataclass(eq=False)
class ForcedRouting(Intervention):
    """Imposes an expert on a layer.

    Attributes:
        layer: The layer; it needs a routing point.
        expert: Number of the expert.
    """

    layer: RoutedLayer
    expert: int
    _forced: list[Selections] = field(default_factory=list, init=False, repr=False)

    def reach(self, loaded: LoadedModel) -> Reach:
        """See `Intervention.reach`."""
        return frozenset([loaded.model.get_submodule(f"{self.layer.stack}.{self.layer.layer}")])

    @contextmanager
    def applied(self, loaded: LoadedModel) -> Iterator[None]:
        """Force what the model selects, and keep it for further arms."""
        self._forced = forced = []

        def visit(seen: Selections) -> Selections:
            chosen = with_expert(seen, self.expert)
            assert chosen.weights is not None
            forced.append(Selections(chosen.index.clone(), chosen.weights.detach().clone()))
            return forced[-1]

        with _visited(loaded, self.layer, visit):
            yield

    @property
    def content(self) -> list[JsonValue]:
        """See `Intervention.content`."""
        return ["forced routing", self.layer.module, self.expert]

    def repeated(self) -> Intervention:
        """The same indices and weights in all arms, whatever the router says in further ones."""
        return _ImposedRouting(self, tuple(self._forced))


@dataclass(frozen=True, eq=False)
class _ImposedRouting(Intervention):
    """The selections that forced routing has led to.

    Attributes:
        routing: What forced them.
        selections: Of each call of the layer.
    """

    routing: ForcedRouting
    selections: tuple[Selections, ...]

    def reach(self, loaded: LoadedModel) -> Reach:
        """See `Intervention.reach`."""
        return self.routing.reach(loaded)

    @contextmanager
    def applied(self, loaded: LoadedModel) -> Iterator[None]:
        """Impose them in all forward passes of the context."""
        again = cycle(self.selections)
        with _visited(loaded, self.routing.layer, lambda _seen: next(again)):
            yield

    @property
    def content(self) -> list[JsonValue]:
        """See `Intervention.content`."""
        return self.routing.content


@contextmanager
def _visited(loaded: LoadedModel, layer: RoutedLayer, visit: Visit) -> Iterator[None]:
    assert layer.point is not None
    handle = layer.point.attach(loaded.model, visit)
    try:
        yield
    finally:
        handle.remove()
