"""Find the down projections of any causal language model from one traced forward pass, without names.

A down projection is a product with a parameter that

1. writes as many channels as the residual stream has,
2. reads a token-wise non-linear function of another product of the same layer call that is not itself a writer to
   the residual stream, and nothing that met other tokens on the way (this leaves out attention and recurrences),
3. reaches the layer's output without a further parameter and without an activation function on every way (this leaves
   out routers, gates and up projections). Where a layer has none, its output may go into one more product.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from swa.errors import UnsupportedModelError
from swa.models.discovery.dataflow import Flow
from swa.models.discovery.experts import eager_experts, fused_experts
from swa.models.discovery.layers import layer_lists
from swa.models.discovery.siblings import complete_families
from swa.models.discovery.sites import Site, SiteMap
from swa.models.discovery.trace import Event, Trace, sample_ids, trace_forward
from swa.schemas.coordinate import SiteKind


def discover_sites(model: Any, *, device: torch.device | None = None) -> SiteMap:
    """Find every down projection of a causal language model.

    Args:
        model: A transformers model in eval mode; offloaded weights are read once.
        device: Where inputs go; by default where the model is (which cannot be told when its embedding is offloaded).

    Raises:
        UnsupportedModelError: There is no MLP, or what was found does not explain the model's own products.
    """
    with eager_experts(model):
        trace = trace_forward(model, sample_ids(model, device))
    events = _down_projections(trace, d_embedding=model.get_input_embeddings().weight.shape[-1])
    wrong = [f"{event.module}.{event.parameter}" for event in events if not event.consistent]
    if wrong:
        raise UnsupportedModelError(
            f"The output of {wrong[0]} is not its input times its weight; the layout of this model is not understood."
        )
    stacks = {path: len(layers) for path, layers in layer_lists(model).items()}
    sites = _sites(events, stacks)
    sites += fused_experts(model, known=sites, stacks=stacks)
    sites = complete_families(model, sites)
    if not sites:
        raise UnsupportedModelError(
            f"No MLP was found in this {type(model).__name__}: it has no down projection and so no super weights.",
            hint="State-space models such as Mamba have mixers only.",
        )
    used = {site.stack for site in sites}
    order = {path: index for index, path in enumerate(stacks)}
    sites.sort(key=lambda site: (order[site.stack], site.layer, site.module, site.expert or 0))
    return SiteMap(
        sites=tuple(_with_kinds(sites)),
        stacks={path: length for path, length in stacks.items() if path in used},
        d_model=max(site.d_model for site in sites),
    )


def _down_projections(trace: Trace, *, d_embedding: int) -> list[Event]:
    writers = {number for call in trace.calls for number, marks in call.flow.items() if not marks.squashed}
    found: list[Event] = []
    for call_number, call in enumerate(trace.calls):
        widths = call.widths | {d_embedding}
        inside = {n: e for n, e in enumerate(trace.events) if e.call == call_number}
        readers = {
            number: event
            for number, event in inside.items()
            if event.shape[-1] in widths and _reads_an_mlp(event.flow, call_number, trace, writers)
        }
        direct = [event for number, event in readers.items() if number in call.flow and number in writers]
        found += direct or [event for number, event in readers.items() if _feeds_linearly(number, inside)]
    return found


def _reads_an_mlp(flow: Flow, call: int, trace: Trace, writers: set[int]) -> bool:
    if any(marks.mixed for number, marks in flow.items() if trace.events[number].call == call):
        return False
    return any(
        marks.nonlinear and trace.events[number].call == call and number not in writers
        for number, marks in flow.items()
    )


def _feeds_linearly(number: int, inside: dict[int, Event]) -> bool:
    """Whether the output goes into a further product as it is (Zamba: the shared block ends in a linear map)."""
    return any(number in later.flow and not later.flow[number].nonlinear for later in inside.values())


def _sites(events: list[Event], stacks: dict[str, int]) -> list[Site]:
    by_place: dict[tuple[str, str, int], list[Event]] = {}
    for event in events:
        per_matrix = event.shape[-2] * event.shape[-1]
        n_matrices = event.numel // per_matrix
        step = event.strides[0] if len(event.shape) > 2 else per_matrix
        for index in range(event.shape[0] if len(event.shape) > 2 else 1):
            offset = event.offset + index * step
            by_place.setdefault((event.module, event.parameter, offset), []).append(event)
        if n_matrices > 1:  # experts that no token of the trace reached lie beside the others
            for expert in range(n_matrices):
                offset = event.offset % step + expert * step
                by_place.setdefault((event.module, event.parameter, offset), []).append(event)
    sites = []
    for (module, parameter, offset), users in by_place.items():
        event = users[0]
        n_matrices = event.numel // (event.shape[-2] * event.shape[-1])
        stack, layer = _place(module, event.layer, stacks)
        layers = sorted({user.layer for user in users} - {f"{stack}.{layer}"})
        sites.append(
            Site(
                layer=layer,
                stack=stack,
                kind="mlp_out",
                expert=offset // (event.numel // n_matrices) if n_matrices > 1 else None,
                module=module,
                parameter=parameter,
                d_model=event.shape[-1],
                d_ff=event.shape[-2],
                strides=(event.strides[-1], event.strides[-2]),
                offset=offset,
                shared_with=tuple(layers),
            )
        )
    return sites


def _place(module: str, layer_path: str, stacks: dict[str, int]) -> tuple[str, int]:
    """Layer list and index: from the module's own path, or of the first layer that used it."""
    for stack in stacks:
        for path in (module, layer_path):
            if path.startswith(f"{stack}."):
                return stack, int(path.removeprefix(f"{stack}.").split(".")[0])
    raise UnsupportedModelError(f"The MLP {module} lies outside of the model's layers.")


def _with_kinds(sites: list[Site]) -> list[Site]:
    """Tell routed experts, shared experts, dense MLPs and small extra MLPs beside a wider one apart.

    Only here does a name count: an MLP called `shared…` in a layer with experts is a shared expert.
    """
    with_experts = {(site.stack, site.layer) for site in sites if site.expert is not None}
    widest: dict[tuple[str, int], int] = {}

    def kind(site: Site) -> SiteKind:
        place = (site.stack, site.layer)
        if place in with_experts and "shared" in site.inner:
            return "shared_expert"
        return "mlp_out" if site.expert is None else "expert"

    kinds = [kind(site) for site in sites]
    for site, its_kind in zip(sites, kinds, strict=True):
        if its_kind == "mlp_out":
            widest[site.stack, site.layer] = max(widest.get((site.stack, site.layer), 0), site.d_ff)
    return [
        replace(site, kind="aux" if its_kind == "mlp_out" and site.d_ff < widest[site.stack, site.layer] else its_kind)
        for site, its_kind in zip(sites, kinds, strict=True)
    ]
