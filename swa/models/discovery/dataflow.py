"""Data flow of one forward pass: from which matrix products does a tensor come, and through what.

Every tensor carries the set of products it *directly* comes from (a further product with a parameter starts anew),
each with three marks that say what happened on the way. Tensors are told apart by their storage, so views need no
bookkeeping; all are kept alive during the trace, so that no address is used twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from swa.models.discovery.gains import UNKNOWN, Gain, constant_gain, equal, plus, times
from swa.models.discovery.matmuls import storage_of

aten = torch.ops.aten

_ACTIVATIONS = (
    "relu silu gelu sigmoid tanh softmax _softmax log_softmax _log_softmax exp expm1 softplus elu leaky_relu hardtanh "
    "hardsigmoid hardswish mish log_sigmoid log_sigmoid_forward erf threshold relu6 celu selu glu prelu "
    "_prelu_kernel log1p log sin cos"
).split()
_MIXERS = (
    "convolution cumsum cumprod logcumsumexp roll flip _scaled_dot_product_flash_attention "
    "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_efficient_attention "
    "_scaled_dot_product_attention_math _scaled_dot_product_cudnn_attention "
    "_scaled_dot_product_fused_attention_overrideable "
    "_flash_attention_forward _efficient_attention_forward scaled_dot_product_attention mkldnn_convolution"
).split()
_LINEAR = (
    "add sub rsub neg view _unsafe_view reshape copy clone cat stack expand permute transpose t slice select split "
    "split_with_sizes chunk unbind squeeze unsqueeze index index_select gather scatter scatter_add index_add index_put "
    "_index_put_impl sum detach alias _to_copy to where masked_fill lift_fresh contiguous narrow constant_pad_nd "
    "slice_scatter select_scatter as_strided repeat unfold native_dropout dropout"
).split()
_BIFUNCTIONS = ("mul", "div")
_SUMS = ("add", "sub", "rsub")
_FRESH = (
    "empty_like zeros_like ones_like full_like new_empty new_zeros new_ones new_full rand_like randn_like"
).split()


@dataclass
class Marks:
    """What happened to a product's output on the way to a tensor.

    Attributes:
        mixed: On some way it met other tokens (attention, convolution, recurrence).
        nonlinear: On some way it went through something non-linear.
        squashed: On *every* way it went through an activation function.
        gain: What the model's constants multiplied it with, where gains are followed.
    """

    mixed: bool = False
    nonlinear: bool = False
    squashed: bool = False
    gain: Gain = 1.0

    def merged(self, other: Marks) -> Marks:
        """Marks of a tensor that comes from the same product on two ways."""
        gain = self.gain if equal(self.gain, other.gain) else UNKNOWN
        return self._joined(other, gain)

    def added(self, other: Marks) -> Marks:
        """Marks of the sum of two tensors that come from the same product."""
        linear = not (self.nonlinear or other.nonlinear or self.mixed or other.mixed)
        return self._joined(other, plus(self.gain, other.gain)) if linear else self.merged(other)

    def _joined(self, other: Marks, gain: Gain) -> Marks:
        return Marks(
            self.mixed or other.mixed, self.nonlinear or other.nonlinear, self.squashed and other.squashed, gain
        )


Flow = dict[int, Marks]
"""Number of a product → its marks."""


@dataclass
class FlowTracker:
    """Follows the flow from operation to operation.

    Args:
        n_tokens: Length of the traced input; picking single entries of a dimension of this length is a loop over
            tokens, so what follows mixes them.
        with_gains: Whether the gains of constants are followed too.
    """

    n_tokens: int
    with_gains: bool = False
    _flows: dict[int, Flow] = field(default_factory=dict)
    _alive: list[Tensor] = field(default_factory=list)

    def of(self, tensors: Iterable[Tensor]) -> Flow:
        """The products that any of the tensors comes from."""
        merged: Flow = {}
        for tensor in tensors:
            for product, marks in self._flows.get(storage_of(tensor), {}).items():
                merged[product] = merged[product].merged(marks) if product in merged else marks
        return merged

    def start(self, tensor: Tensor, product: int) -> None:
        """Say that `tensor` is the output of a product with a parameter."""
        self._alive.append(tensor)
        self._flows[storage_of(tensor)] = {product: Marks()}

    def follow(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Carry the flow of the inputs of an operation to its outputs."""
        name = func.overloadpacket.__name__
        inplace = name.endswith("_") and not name.startswith("__")
        base = name.rstrip("_") if inplace else name
        outputs = [t for t in tensors_in(output) if t.is_floating_point()]
        self._alive.extend(outputs)
        if base in _FRESH:
            for tensor in outputs:
                self._flows[storage_of(tensor)] = {}
            return
        inputs = list(tensors_in((args, kwargs)))
        carriers = [t for t in inputs if self._flows.get(storage_of(t))]
        if not carriers:
            for tensor in outputs:
                self._flows.setdefault(storage_of(tensor), {})
            return
        n_float = sum(t.is_floating_point() for t in inputs)
        mixed = base in _MIXERS or self._picks_a_token(base, args) or (base in ("mm", "bmm", "baddbmm", "addmm"))
        squashed = base in _ACTIVATIONS or (base == "clamp_min" and n_float == 1)
        linear = base in _LINEAR or (base in _BIFUNCTIONS and len(carriers) < 2)
        if self.with_gains and base in (*_BIFUNCTIONS, *_SUMS, "neg") and linear:
            read = self._with_gains(base, args, kwargs)
        else:
            read = self.of(carriers)
        flow = {
            product: Marks(marks.mixed or mixed, marks.nonlinear or not linear, marks.squashed or squashed, marks.gain)
            for product, marks in read.items()
        }
        for tensor in outputs:
            self._flows[storage_of(tensor)] = flow

    def _with_gains(self, base: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Flow:
        """What flows into an operation that multiplies by a constant or sums up."""
        operands = (*args, None)[:2]
        flows = [self._flows.get(storage_of(arg), {}) if isinstance(arg, Tensor) else {} for arg in operands]
        if base in _BIFUNCTIONS:
            constant = constant_gain(base, args)
            gains: list[Gain] = [constant, constant]
        else:
            alpha = float(kwargs.get("alpha", args[2] if base == "rsub" and len(args) > 2 else 1.0))
            signs = {"add": (1.0, alpha), "sub": (1.0, -alpha), "rsub": (-alpha, 1.0), "neg": (-1.0, 1.0)}
            gains = [*signs[base]]
        first, second = (_amplified(flow, gain) for flow, gain in zip(flows, gains, strict=True))
        return first | {
            product: first[product].added(marks) if product in first else marks for product, marks in second.items()
        }

    def _picks_a_token(self, base: str, args: tuple[Any, ...]) -> bool:
        if base not in ("select", "unbind") or not isinstance(args[0], Tensor):
            return False
        dim = args[1] if len(args) > 1 else 0
        return args[0].shape[dim] == self.n_tokens


def _amplified(flow: Flow, gain: Gain) -> Flow:
    """A flow times a gain; products of one gain share the result, because a layer of experts has hundreds."""
    if isinstance(gain, float) and gain == 1.0:
        return flow
    results: dict[int, Gain] = {}
    amplified: Flow = {}
    for product, marks in flow.items():
        if id(marks.gain) not in results:
            results[id(marks.gain)] = times(marks.gain, gain)
        amplified[product] = Marks(marks.mixed, marks.nonlinear, marks.squashed, results[id(marks.gain)])
    return amplified


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor in nested lists, tuples, dictionaries and output objects."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item)
