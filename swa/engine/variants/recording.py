"""Keep what the layers returned, and later answer calls from it (docs/methods.md#sharing-and-its-check).

A variant is the model's own forward in which the calls of the layers before its first edit are answered with what the
intact model's layers returned. Masks, rotary embeddings, final norm, scale and softcap are computed by the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.utils._pytree import tree_map

from swa.models.discovery.dataflow import tensors_in
from swa.models.discovery.layers import layer_lists


class LayerCall(NamedTuple):
    """One execution of a layer: which, and what it returned."""

    layer: nn.Module
    output: Any


def layers_of(model: nn.Module) -> list[nn.Module]:
    """All items of the outermost module lists; only those that run are ever recorded or answered."""
    return [layer for layers in layer_lists(model).values() for layer in layers]


def _copy(output: Any) -> Any:
    return tree_map(lambda item: item.clone() if isinstance(item, Tensor) else item, output)


@contextmanager
def recorded(layers: Sequence[nn.Module]) -> Iterator[list[LayerCall]]:
    """Collect the outputs of the layers, call by call, in order."""
    calls: list[LayerCall] = []

    def keep(layer: nn.Module, _args: Any, output: Any) -> None:
        # copied, because some models add to the residual stream in place
        calls.append(LayerCall(layer, _copy(output)))

    with ExitStack() as stack:
        for layer in layers:
            stack.callback(layer.register_forward_hook(keep).remove)
        yield calls


class _Answering:
    """Stands in for a layer's forward.

    Args:
        layer: The layer.
        remaining: The calls to answer, of all layers.
    """

    def __init__(self, layer: nn.Module, remaining: Iterator[LayerCall]) -> None:
        self._layer, self._remaining = layer, remaining
        self._forward = layer.forward
        self._call: LayerCall | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Answer, or run as usual when all are answered."""
        self._call = call = next(self._remaining, None)
        if call is None:
            return self._forward(*args, **kwargs)
        if call.layer is not self._layer:
            raise RuntimeError("The layers ran in another order than in the recording.")
        return _copy(call.output)

    def hook(self, _layer: nn.Module, _args: Any, _output: Any) -> Any:
        """The recorded output once more: what earlier hooks do to an output is in it already."""
        return None if self._call is None else _copy(self._call.output)


@contextmanager
def answered(layers: Sequence[nn.Module], calls: Sequence[LayerCall]) -> Iterator[None]:
    """Answer the next `len(calls)` layer calls from a recording; later ones run as usual.

    Hooks that the layers have got before see an answered call, but cannot change it.

    Raises:
        RuntimeError: The model calls its layers in another order than it did when they were recorded.
    """
    remaining = iter(calls)
    with ExitStack() as stack:
        for layer in layers:
            own = layer.__dict__.get("forward")  # accelerate's hooks set one on the instance
            answering = _Answering(layer, remaining)
            layer.forward = answering.forward
            stack.callback(_restore_forward, layer, own)
            stack.callback(layer.register_forward_hook(answering.hook).remove)
        yield


@contextmanager
def ended_after(layers: Sequence[nn.Module], calls: Sequence[LayerCall], n_calls: int) -> Iterator[None]:
    """Answer the first `n_calls` calls from a recording, and every later one with its own input.

    See docs/methods.md#cascade.

    So what follows the layers (merging of streams, final norm, head) reads the residual stream after call `n_calls`.

    Args:
        layers: The model's layers.
        calls: A whole forward pass; the later calls give the form of what a layer returns.
        n_calls: How many are answered.
    """
    remaining = iter(enumerate(calls))

    def answer(layer: nn.Module) -> Any:
        def run(*args: Any, **kwargs: Any) -> Any:
            number, call = next(remaining)
            if call.layer is not layer:
                raise RuntimeError("The layers ran in another order than in the recording.")
            if number < n_calls:
                return _copy(call.output)
            return with_hidden(call.output, args[0] if args else kwargs["hidden_states"])

        return run

    with ExitStack() as stack:
        for layer in layers:
            own = layer.__dict__.get("forward")
            layer.forward = answer(layer)
            stack.callback(_restore_forward, layer, own)
        yield


def hidden_of(output: Any) -> Tensor:
    """The residual stream in what a layer or a base returns: its first floating-point tensor."""
    return next(tensor for tensor in tensors_in(output) if tensor.is_floating_point())


def with_hidden(output: Any, hidden: Tensor) -> Any:
    """The same kind of output with another residual stream."""
    if isinstance(output, Tensor):
        return hidden
    if isinstance(output, tuple | list):
        return type(output)([hidden, *output[1:]])
    first = next(iter(output.keys()))  # a ModelOutput: an ordered dictionary of what is not None
    return type(output)(**{**output, first: hidden})


def _restore_forward(layer: nn.Module, own: Any) -> None:
    if own is None:
        del layer.forward
    else:
        layer.forward = own
