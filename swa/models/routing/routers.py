"""Where a mixture of experts selects: read there what the model itself uses, and put something else in its place.

Nearly all models hand the selected indices and weights to the module that holds the experts. The two others are known
by the form of what their router returns. No name of a model or class takes part, and nothing is computed again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Selections:
    """The experts that tokens were sent to.

    Attributes:
        index: `(n_tokens, k)` int64: number of each selected expert. Numbers beyond the experts with weights are the
            model's own "no expert" (zero, identity and skipping experts); −1 is an empty place.
        weights: `(n_tokens, k)`: the factors the model multiplies their outputs (Llama 4: their inputs) with; `None`
            where they could not be read.
    """

    index: Tensor
    weights: Tensor | None


Visit = Callable[[Selections], Selections | None]
"""Sees the selections of one call, with weights; what it returns, with weights too, takes their place."""


class RoutingPoint(Protocol):
    """A module that selections pass through."""

    @property
    def path(self) -> str:
        """Path of the module."""
        ...

    def attach(self, model: Any, visit: Visit) -> Any:
        """Let `visit` see every call; the handle's `remove` ends it."""
        ...


@dataclass(frozen=True)
class ExpertInputs:
    """The module of the experts is called with indices and weights.

    Attributes:
        path: The module.
        index_at: Place of the indices: number of a positional argument, or name of a keyword.
        weights_at: Place of the weights.
    """

    path: str
    index_at: int | str
    weights_at: int | str

    def attach(self, model: Any, visit: Visit) -> Any:
        """See `RoutingPoint.attach`."""

        def hook(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            given = _by_place(args, kwargs)
            index, weights = given[self.index_at], given[self.weights_at]
            chosen = visit(Selections(index, weights))
            if chosen is None:
                return None
            assert chosen.weights is not None
            given[self.index_at], given[self.weights_at] = chosen.index.to(index), chosen.weights.to(weights)
            return tuple(given[i] for i in range(len(args))), {name: given[name] for name in kwargs}

        return model.get_submodule(self.path).register_forward_pre_hook(hook, with_kwargs=True)


@dataclass(frozen=True)
class RouterOutput(ABC):
    """A router that returns selections in a form of its own.

    Attributes:
        path: The router.
    """

    path: str

    def attach(self, model: Any, visit: Visit) -> Any:
        """See `RoutingPoint.attach`."""

        def hook(_module: Any, _args: Any, output: Any) -> Any:
            chosen = visit(self.read(output))
            return None if chosen is None else self.written(output, chosen)

        return model.get_submodule(self.path).register_forward_hook(hook)

    @abstractmethod
    def read(self, output: Any) -> Selections:
        """The selections that an output says."""

    @abstractmethod
    def written(self, output: Any, chosen: Selections) -> Any:
        """An output of the same form that says other selections, as many a token."""


class SparseScores(RouterOutput):
    """A router that returns a score for every expert, 0 for those it does not select (Llama 4)."""

    def read(self, output: Any) -> Selections:
        """See `RouterOutput.read`."""
        scores = output[0]
        best = scores.topk(int((scores != 0).sum(dim=1).max()), dim=1)
        return Selections(best.indices, best.values)

    def written(self, output: Any, chosen: Selections) -> Any:
        """See `RouterOutput.written`."""
        assert chosen.weights is not None
        scores = torch.zeros_like(output[0])
        return scores.scatter_(1, chosen.index.to(scores.device), chosen.weights.to(scores)), *output[1:]


class SortedRows(RouterOutput):
    """A router that returns rows sorted by expert: order, token and gate of each, rows per expert, logits (JetMoE)."""

    def read(self, output: Any) -> Selections:
        """See `RouterOutput.read`."""
        order, _, gates, sizes, logits = output
        index, weights = torch.empty_like(order), torch.empty_like(gates)
        index[order] = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)).to(order.device)
        weights[order] = gates
        return Selections(index.view(len(logits), -1), weights.view(len(logits), -1))

    def written(self, output: Any, chosen: Selections) -> Any:
        """See `RouterOutput.written`."""
        assert chosen.weights is not None
        order, _, gates, sizes, logits = output
        experts = chosen.index.to(order).flatten()
        new_order = experts.sort(stable=True).indices
        new_gates = chosen.weights.to(gates).flatten()[new_order]
        new_sizes = torch.bincount(experts, minlength=len(sizes)).tolist()
        return new_order, new_order // chosen.index.shape[1], new_gates, new_sizes, logits


def point_of_inputs(path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ExpertInputs | None:
    """Whether a call hands over indices and weights: whole numbers and fractions of the same shape `(n_tokens, k)`."""
    given = _by_place(args, kwargs).items()
    matrices = {place: value for place, value in given if isinstance(value, Tensor) and value.dim() == 2}
    for index_at, index in matrices.items():
        for weights_at, weights in matrices.items():
            whole = index.dtype in (torch.int64, torch.int32)
            if whole and weights.is_floating_point() and weights.shape == index.shape:
                return ExpertInputs(path, index_at, weights_at)
    return None


def _by_place(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[int | str, Any]:
    """Arguments by their number or name."""
    places: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
    return dict(places)


def point_of_output(path: str, output: Any, *, n_experts: int) -> RouterOutput | None:
    """Whether a module's output is that of one of the two other kinds of router."""
    if not isinstance(output, tuple):
        return None
    if len(output) == 2 and all(_is_score_of(part, n_experts) for part in output):
        n_selected = (output[0] != 0).sum(dim=1)
        fits = bool((n_selected == n_selected[0]).all()) and int(n_selected[0]) > 0 and bool((output[0] >= 0).all())
        return SparseScores(path) if fits else None
    if len(output) == 5 and isinstance(output[3], list) and len(output[3]) == n_experts:
        order, tokens, gates, sizes, logits = output
        fits = _is_score_of(logits, n_experts) and order.shape == tokens.shape == gates.shape
        return SortedRows(path) if fits and sum(sizes) == len(order) else None
    return None


def _is_score_of(value: Any, n_experts: int) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.dim() == 2 and value.shape[1] == n_experts
