"""The way from a down projection to the residual stream: norms, a linear map, gates and multipliers.

Some blocks normalise what the MLP returns before it is added (Gemma-2 and -3, OLMo-2, …), some experts write into a
latent space that a further matrix leads out of (Nemotron-H), routers and gates weigh it. The traced data flow shows
which modules the output passes, which of them act as norms, and whether it arrives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from swa.models.discovery.dataflow import Flow, Marks
from swa.models.discovery.gains import Gain, is_unknown, since
from swa.models.discovery.sites import Site
from swa.models.discovery.trace import Event, LeafCall, Trace
from swa.models.loading.weights import resident
from swa.models.readout.final_norm import Tail, undefined
from swa.models.readout.norms import Norm, measure_norm


@dataclass(frozen=True, eq=False)
class Branch:
    """What happens to a down projection's output on its way to the residual stream.

    Attributes:
        linear: Matrix `(d_model, d_latent)`, float64, where the MLP writes into a latent space; else `None`.
        steps: Norms that it passes, and gains `(d_model,)` where channels are multiplied differently, in order.
        notes: What else it passes and is left out.
    """

    linear: Tensor | None
    steps: tuple[Norm | Tensor, ...]
    notes: tuple[str, ...]

    def directions(self, columns: Tensor) -> Tensor:
        """Directions in the residual stream `(d_model, n)` of columns `(d_out, n)` of the down projection."""
        directions = columns if self.linear is None else self.linear.to(columns) @ columns
        for step in self.steps:
            directions = step.fold(directions) if isinstance(step, Norm) else step.to(directions)[:, None] * directions
        return directions


class Branches:
    """The branches of a model's sites, read from one trace.

    Args:
        model: The model.
        trace: A traced forward pass, with its leaves and with experts one by one.
        tail: The way from the residual stream to the logits.
        sites: All sites.
    """

    def __init__(self, model: Any, trace: Trace, tail: Tail, sites: tuple[Site, ...]) -> None:
        self._model = model
        self._trace = trace
        self._tail = tail
        self._sites = sites
        written = {(site.module, site.parameter) for site in sites}
        self._products: dict[tuple[str, str], list[int]] = {}
        for number, event in enumerate(trace.events):
            self._products.setdefault((event.module, event.parameter), []).append(number)
        self._written = {number for key in written for number in self._products.get(key, [])}
        self._norms: dict[str, Norm | None] = {}
        self._known: dict[tuple[str, str, str], Branch] = {}

    def of(self, site: Site) -> Branch:
        """The branch of a site; of an expert that no token of the trace reached, that of one beside it.

        Raises:
            UnsupportedModelError: The site does not write into the residual stream that is read out.
        """
        key = (site.module, site.parameter, site.kind)
        if key not in self._known:
            self._known[key] = self._find(site)
        return self._known[key]

    def _find(self, site: Site) -> Branch:
        numbers = self._numbers(site)
        if not numbers:
            raise undefined(f"{site.module} does not run when the model reads a text")
        direct = [number for number in numbers if _arrives(self._tail.reads, number)]
        if direct:
            return self._branch(site, direct[-1], None)
        for later, event in reversed([*enumerate(self._trace.events)]):
            if any(_leads_to(self._trace, number, event) for number in numbers) and _arrives(self._tail.reads, later):
                return self._branch(site, later, self._matrix(event))
        raise undefined(f"what {site.module} returns does not reach the residual stream that the unembedding reads")

    def _numbers(self, site: Site) -> list[int]:
        numbers = self._products.get((site.module, site.parameter))
        if numbers is None:
            beside = (s for s in self._sites if (s.stack, s.layer, s.kind) == (site.stack, site.layer, site.kind))
            numbers = next((found for s in beside if (found := self._products.get((s.module, s.parameter)))), [])
        return numbers

    def _matrix(self, event: Event) -> Tensor:
        owner: nn.Module = self._model.get_submodule(event.module)
        with resident(owner):
            parameter = getattr(owner, event.parameter).detach()
            used = torch.as_strided(
                parameter, event.shape[-2:], event.strides[-2:], parameter.storage_offset() + event.offset
            )
            return used.T.to("cpu", torch.float64)

    def _branch(self, site: Site, number: int, linear: Tensor | None) -> Branch:
        """Follow product `number`, the site's own or the map out of its latent space, to the final norm."""
        call, arrived = self._trace.events[number].call, self._tail.reads[number]
        after = self._trace.calls[call].flow.get(number, arrived) if call >= 0 else arrived
        passed = [leaf for leaf in self._trace.leaves if leaf.call == call and number in leaf.flow]
        norms = [(leaf, norm) for leaf in passed if (norm := self._norm(leaf))] if after.nonlinear else []
        own = [(leaf, norm) for leaf, norm in norms if self._is_branch(leaf.flow)]
        on_residual = [leaf for leaf, norm in norms if norm not in [other for _, other in own]]
        at_end = on_residual[0].flow[number] if on_residual else after
        steps: list[Norm | Tensor] = []
        gains: list[Gain] = []
        reached: Gain = 1.0
        for leaf, norm in own:
            gains.append(since(reached, leaf.flow[number].gain))
            steps += [*_per_channel(gains[-1]), norm]
            reached = leaf.after[number].gain
        linear_from_here = arrived.nonlinear == at_end.nonlinear and not is_unknown(arrived.gain)
        gains.append(since(reached, arrived.gain if linear_from_here else at_end.gain))
        steps += _per_channel(gains[-1])
        notes = [*_gates(site, own[0][0].flow[number] if own else at_end), *_multipliers(gains)]
        if not linear_from_here and not self._is_final(on_residual):
            notes.append("Norms or gates that act on the residual stream behind the MLP are left out.")
        n_runs = len({self._trace.events[product].call for product in self._numbers(site)})
        if n_runs > 1:
            notes.append(f"The block runs {n_runs} times for each token; the effects are those of its last run.")
        return Branch(linear, tuple(steps), tuple(notes))

    def _is_final(self, leaves: list[LeafCall]) -> bool:
        """Whether the residual stream passes one norm and that is the final one, inside of the last layer."""
        return self._tail.norm is not None and [leaf.path for leaf in leaves] == [self._tail.norm.path]

    def _is_branch(self, flow: Flow) -> bool:
        """Whether all that a module reads comes from down projections: the MLP's own output, not the residual sum."""
        return all(number in self._written or self._leads_out(number) for number in _summed(flow))

    def _leads_out(self, number: int) -> bool:
        """Whether a product does nothing but lead a down projection's output out of its latent space."""
        summed = _summed(self._trace.events[number].flow)
        return bool(summed) and all(product in self._written for product in summed)

    def _norm(self, leaf: LeafCall) -> Norm | None:
        if leaf.width < 2:
            return None
        if leaf.path not in self._norms:
            self._norms[leaf.path] = measure_norm(leaf.path, self._model.get_submodule(leaf.path), leaf.width)
        return self._norms[leaf.path]


def _leads_to(trace: Trace, number: int, event: Event) -> bool:
    return event.call == trace.events[number].call and _arrives(event.flow, number)


def _gates(site: Site, marks: Marks) -> Iterator[str]:
    if site.kind == "expert":
        yield "The router's weight of the expert is left out."
    elif marks.nonlinear:
        yield "A gate behind the MLP that depends on the token is left out."


def _per_channel(gain: Gain) -> list[Norm | Tensor]:
    return [gain] if isinstance(gain, Tensor) else []


def _multipliers(gains: Sequence[Gain]) -> Iterator[str]:
    factor = math.prod(gain for gain in gains if not isinstance(gain, Tensor))
    if math.isnan(factor):
        yield "A multiplier behind the MLP could not be measured and is left out."
    elif factor != 1.0:
        yield f"The multiplier {factor:.6g} behind the MLP is left out."


def _arrives(flow: Flow, number: int) -> bool:
    marks = flow.get(number)
    return marks is not None and not marks.squashed and not marks.mixed


def _summed(flow: Flow) -> list[int]:
    """The products that a tensor is a sum of; what only gates it went through an activation function."""
    return [number for number, marks in flow.items() if not marks.squashed]
