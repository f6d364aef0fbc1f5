"""The layers of a model that route tokens to experts, and where each of them can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from swa.models.discovery.sites import Site
from swa.models.routing.routers import RoutingPoint, point_of_inputs, point_of_output


@dataclass(frozen=True)
class RoutedLayer:
    """The routed experts of one layer.

    Attributes:
        layer: Index of the layer in its own list; dense layers before it count.
        stack: Path of that list.
        module: Path of what holds the experts, e.g. `model.layers.3.mlp.experts`.
        experts: Their down projections, by number.
        point: Where selections are read and set; `None` where the model's code shows none.
    """

    layer: int
    stack: str
    module: str
    experts: tuple[Site, ...]
    point: RoutingPoint | None = None

    @property
    def text(self) -> str:
        """How the layer is called in sentences: `L3.mlp.experts`."""
        return f"L{self.layer}.{self.module.removeprefix(f'{self.stack}.{self.layer}.')}"


def find_routed_layers(model: Any, sites: Sequence[Site], input_ids: Tensor) -> list[RoutedLayer]:
    """Every layer with routed experts, in the order of the sites.

    One forward pass shows which module on the way to the experts is called with indices and weights; where none is,
    which module beside them returns selections in another known form.

    Args:
        model: The model.
        sites: Its down projections.
        input_ids: A short text `(1, n_tokens)`.
    """
    groups: dict[str, list[Site]] = {}
    for site in sites:
        if site.kind == "expert":
            groups.setdefault(_holder(site), []).append(site)
    called: dict[str, RoutingPoint] = {}
    returned: dict[str, RoutingPoint] = {}
    with ExitStack() as stack, torch.no_grad():
        for holder, experts in groups.items():
            for handle in _watch(model, holder, experts, called=called, returned=returned):
                stack.callback(handle.remove)
        if groups:
            model(input_ids=input_ids, use_cache=False)
    return [
        RoutedLayer(
            layer=experts[0].layer,
            stack=experts[0].stack,
            module=holder,
            experts=tuple(sorted(experts, key=lambda site: site.expert or 0)),
            point=called.get(holder) or returned.get(holder),
        )
        for holder, experts in groups.items()
    ]


def _holder(site: Site) -> str:
    """What holds all experts of a layer: the module of a fused parameter, or the list that a single one lies in."""
    layer = f"{site.stack}.{site.layer}"
    inside = site.module.removeprefix(layer)
    return layer + re.sub(rf"\.{site.expert}(\..*)?$", "", inside)


def _watch(
    model: Any,
    holder: str,
    experts: Sequence[Site],
    *,
    called: dict[str, RoutingPoint],
    returned: dict[str, RoutingPoint],
) -> Iterator[Any]:
    """Hook the modules between the layer and the experts, and those beside them."""
    layer = f"{experts[0].stack}.{experts[0].layer}"
    n_experts = 1 + max(site.expert or 0 for site in experts)

    def see_call(path: str, args: Any, kwargs: Any) -> None:
        point = point_of_inputs(path, args, kwargs)
        if point is not None:
            called.setdefault(holder, point)

    def see_output(path: str, output: Any) -> None:
        point = point_of_output(path, output, n_experts=n_experts)
        if point is not None:
            returned.setdefault(holder, point)

    on_the_way = [path for path in _ancestors(holder) if path.startswith(f"{layer}.")]
    for path in on_the_way:
        module = model.get_submodule(path)
        yield module.register_forward_pre_hook(
            lambda _m, args, kwargs, path=path: see_call(path, args, kwargs), with_kwargs=True
        )
        for name, child in module.named_children():
            beside = f"{path}.{name}"
            if beside not in on_the_way:
                yield child.register_forward_hook(lambda _m, _a, output, path=beside: see_output(path, output))


def _ancestors(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
