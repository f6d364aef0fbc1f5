"""The experts that each token is sent to in a forward pass, as the model itself uses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from swa.models.discovery.sites import Site
from swa.models.routing.layers import RoutedLayer
from swa.models.routing.routers import Selections, Visit

Routing = dict[RoutedLayer, Selections]
"""Selections of every token of a forward pass, by layer. A layer that ran several times has its tokens several times,
one run after the other."""


class Gate(NamedTuple):
    """How one token is sent to one expert.

    Attributes:
        weight: The factor of the expert's output.
        rank: Its place among the selected experts, 1 = largest weight.
    """

    weight: float
    rank: int


@contextmanager
def recorded_routing(model: Any, layers: Sequence[RoutedLayer]) -> Iterator[Routing]:
    """Collect the selections of every routed layer; they are there when the context ends.

    Layers without a routing point are missing in the result; `selections_from_rows` makes up for them.

    Args:
        model: The model; experts may run in any implementation.
        layers: Its routed layers.
    """
    calls: dict[RoutedLayer, list[Selections]] = {}
    routing: Routing = {}

    def keeper(layer: RoutedLayer) -> Visit:
        def keep(seen: Selections) -> None:
            assert seen.weights is not None
            index, weights = seen.index.detach().cpu().long(), seen.weights.detach().cpu().float()
            calls.setdefault(layer, []).append(Selections(index.clone(), weights.clone()))

        return keep

    with ExitStack() as stack:
        for layer in layers:
            if layer.point is not None:
                stack.callback(layer.point.attach(model, keeper(layer)).remove)
        yield routing
    for layer, parts in calls.items():
        routing[layer] = Selections(
            torch.cat([part.index for part in parts]),
            torch.cat([part.weights for part in parts if part.weights is not None]),
        )


def selections_from_rows(experts: Sequence[Site], tokens: Mapping[Site, Tensor], n_tokens: int) -> Selections:
    """Selections as the captured rows show them, for experts whose routing cannot be read; without weights.

    Args:
        experts: The experts of a layer.
        tokens: `(n_rows,)` token of each captured row, by site.
        n_tokens: Tokens of the text.
    """
    chosen: list[list[int]] = [[] for _ in range(n_tokens)]
    for site in experts:
        for token in dict.fromkeys(tokens[site].tolist() if site in tokens else []):
            chosen[token].append(site.expert or 0)
    width = max(map(len, chosen), default=0)
    return Selections(torch.tensor([row + [-1] * (width - len(row)) for row in chosen]).view(n_tokens, width), None)


def gate_at(selections: Selections, expert: int, position: int, *, n_tokens: int) -> Gate | None:
    """How the token at a position is sent to an expert; `None` where it is not, or no weight is known.

    Args:
        selections: Of one text.
        expert: Number of the expert.
        position: Position of the token.
        n_tokens: Tokens of the text: later runs of the layer follow behind the first.
    """
    if selections.weights is None:
        return None
    for row in range(position, len(selections.index), n_tokens):
        places = (selections.index[row] == expert).nonzero().flatten()
        if len(places):
            weights = selections.weights[row]
            weight = weights[places].max()
            return Gate(float(weight), 1 + int((weights > weight).sum()))
    return None


def tokens_of(selections: Selections, expert: int) -> Tensor:
    """`(n,)` numbers of the tokens that are sent to an expert, ascending."""
    return (selections.index == expert).any(dim=1).nonzero().flatten()
