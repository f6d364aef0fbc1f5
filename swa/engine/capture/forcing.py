"""Send every token to one expert, and measure removals while that holds (7-decisions D7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from swa.engine.variants.interventions import ScaleEntries
from swa.engine.variants.plan import ForwardPlan
from swa.models.routing.layers import RoutedLayer
from swa.models.routing.routers import Selections


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


@dataclass
class ForcedRouting:
    """Imposes an expert on a layer, with the same indices and weights in all arms of a comparison.

    The first arm forces what the intact model selects and keeps the result; further arms get exactly that, whatever
    the router says there. Kept results are told apart by their number of tokens, so that a check on a short text
    between the arms does no harm.

    Attributes:
        layer: The layer; it needs a routing point.
        expert: Number of the expert.
        imposed: Selections of each call of the layer, by number of tokens.
    """

    layer: RoutedLayer
    expert: int
    imposed: dict[int, list[Selections]] = field(default_factory=dict)

    @contextmanager
    def arm(self, model: Any, *, first: bool) -> Iterator[None]:
        """Force the routing in all forward passes of this context.

        Args:
            model: The model.
            first: Whether to keep what is forced; otherwise what was kept is imposed.
        """
        assert self.layer.point is not None
        n_calls: dict[int, int] = {}

        def visit(seen: Selections) -> Selections:
            n_tokens = len(seen.index)
            number = n_calls.get(n_tokens, 0)
            n_calls[n_tokens] = number + 1
            if not first:
                kept = self.imposed[n_tokens]
                return kept[number % len(kept)]
            if number == 0:
                self.imposed[n_tokens] = []
            forced = with_expert(seen, self.expert)
            assert forced.weights is not None
            self.imposed[n_tokens].append(Selections(forced.index.clone(), forced.weights.detach().clone()))
            return self.imposed[n_tokens][number]

        handle = self.layer.point.attach(model, visit)
        try:
            yield
        finally:
            handle.remove()


@dataclass
class ForcedPlan(ForwardPlan):
    """A forward plan in which one expert gets every token, in the baseline and in all variants.

    Attributes:
        routing: What is forced.
    """

    routing: ForcedRouting = field(kw_only=True)

    def editing(self, edits: Sequence[ScaleEntries]) -> AbstractContextManager[None]:
        """See `ForwardPlan.editing`: without edits it is the first arm."""
        return self._forced(super().editing(edits), first=not edits)

    @contextmanager
    def _forced(self, edited: AbstractContextManager[None], *, first: bool) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(edited)
            stack.enter_context(self.routing.arm(self.model, first=first))
            yield
