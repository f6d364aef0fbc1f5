"""Put known numbers in the place of what modules return, and see what arrives further on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from swa.models.discovery.dataflow import tensors_in
from swa.models.readout.early_exit import input_of

_RAMP = 50.0
"""What stands for logits goes from −50 to 50."""


class Passage(NamedTuple):
    """A forward pass in which some modules' outputs were replaced.

    Attributes:
        taken: What each of them was given by the model.
        given: What was put in the place of its output.
        logits: What the model returned.
    """

    taken: dict[nn.Module, Tensor]
    given: dict[nn.Module, Tensor]
    logits: Tensor


def replaced_pass(model: Any, input_ids: Tensor, modules: Sequence[nn.Module]) -> Passage:
    """Run a forward pass in which the last module returns a ramp over its channels and the others noise."""
    taken: dict[nn.Module, Tensor] = {}
    given: dict[nn.Module, Tensor] = {}

    def replace(module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        taken[module] = _first((args, kwargs))
        old = _first(output)
        given[module] = _ramp(old) if module is modules[-1] else _noise(old, seed=len(given))
        return _put(output, given[module])

    with ExitStack() as stack, torch.no_grad():
        for module in modules:
            stack.callback(module.register_forward_hook(replace, with_kwargs=True).remove)
        logits = model(input_ids=input_ids, use_cache=False).logits
    return Passage(taken, given, logits)


def ratio(given: Tensor, arrived: Tensor) -> float | None:
    """The number that takes `given` to `arrived`, or to its last rows, or `None` where it is more than a number."""
    if given.shape[-1] != arrived.shape[-1] or arrived.numel() > given.numel():
        return None
    y = arrived.double().flatten()
    x = given.double().flatten()[-len(y) :]  # some models drop rows in front: prompts, streams without predictions
    factor = float(x @ y / (x @ x))
    close = (y - factor * x).abs().amax() <= _tolerance(arrived) * y.abs().amax()
    return (1.0 if abs(factor - 1) <= _tolerance(arrived) else factor) if factor and bool(close) else None


def is_affine(given: Tensor, arrived: Tensor) -> bool:
    """Whether each row of `arrived` is the same linear function (and a constant) of the same row of `given`."""
    rows = arrived.double().flatten(0, -2)
    if not 4 <= len(rows) <= given.numel() // given.shape[-1]:
        return False
    a, b, a_and_b, zero = rows[-4:]
    return bool((a + b - a_and_b - zero).abs().amax() <= 2 * _tolerance(arrived) * rows.abs().amax())


def matrix_between(model: Any, input_ids: Tensor, module: nn.Module, head: nn.Module) -> Tensor:
    """The matrix `(d_head, d_model)`, float64, that takes what `module` returns to what `head` is given."""

    def unit_vectors(_module: nn.Module, _args: Any, output: Any) -> Any:
        old = _first(output)
        rows = torch.cat([torch.zeros(1, old.shape[-1]), torch.eye(old.shape[-1])])
        return _put(output, rows[None].to(old))

    with ExitStack() as stack, torch.no_grad():
        stack.callback(module.register_forward_hook(unit_vectors).remove)
        arrived = _first(input_of(head, model, input_ids=input_ids))
    rows = arrived.double().cpu().flatten(0, -2)
    return (rows[1:] - rows[0]).T


def _tolerance(tensor: Tensor) -> float:
    return 1e-4 if tensor.dtype in (torch.float32, torch.float64) else 2e-2


def _first(value: Any) -> Tensor:
    return next(tensor for tensor in tensors_in(value) if tensor.is_floating_point())


def _put(output: Any, new: Tensor) -> Any:
    old = _first(output)
    return tree_map(lambda item: new if item is old else item, output)


def _noise(like: Tensor, *, seed: int) -> Tensor:
    """Random rows, the last four of which are a, b, a + b, 0: what shows a linear function."""
    rows = torch.randn((like.numel() // like.shape[-1], like.shape[-1]), generator=torch.Generator().manual_seed(seed))
    if len(rows) >= 4:
        rows[-2], rows[-1] = rows[-4] + rows[-3], 0.0
    return rows.reshape(like.shape).to(like)


def _ramp(like: Tensor) -> Tensor:
    return torch.linspace(-_RAMP, _RAMP, like.shape[-1]).expand(like.shape).to(like)
