"""Keep what the layers returned, and later answer calls from it (7-decisions A6).

A variant is the model's own forward in which the calls of the layers before its first edit are answered with what the
intact model's layers returned. Masks, rotary embeddings, final norm, scale and softcap are computed by the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.utils._pytree import tree_map

from swa.models.trace import layer_lists


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


@contextmanager
def answered(layers: Sequence[nn.Module], calls: Sequence[LayerCall]) -> Iterator[None]:
    """Answer the next `len(calls)` layer calls from a recording; later ones run as usual.

    Raises:
        RuntimeError: The model calls its layers in another order than it did when they were recorded.
    """
    remaining = iter(calls)

    def answer(layer: nn.Module, forward: Any) -> Any:
        def run(*args: Any, **kwargs: Any) -> Any:
            call = next(remaining, None)
            if call is None:
                return forward(*args, **kwargs)
            if call.layer is not layer:
                raise RuntimeError("The layers ran in another order than in the recording.")
            return _copy(call.output)

        return run

    with ExitStack() as stack:
        for layer in layers:
            own = layer.__dict__.get("forward")  # accelerate's hooks set one on the instance
            layer.forward = answer(layer, layer.forward)
            stack.callback(_restore_forward, layer, own)
        yield


def _restore_forward(layer: nn.Module, own: Any) -> None:
    if own is None:
        del layer.forward
    else:
        layer.forward = own
