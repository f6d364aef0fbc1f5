"""One traced forward pass: every product with a parameter, in which layer it ran and where its output went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from swa.models.discovery.dataflow import Flow, FlowTracker, tensors_in
from swa.models.discovery.layers import layer_lists
from swa.models.discovery.matmuls import Product, is_product, operands, read_product
from swa.models.discovery.parameters import ParameterOwners

N_TOKENS = 13
"""Length of the traced input: a prime, so that no other dimension of a small model is mistaken for it."""


@dataclass
class Event:
    """One product with a parameter.

    Attributes:
        module: Path of the module that owns the parameter.
        parameter: Name of the parameter in it.
        shape: Shape of the weight as used, `(..., d_in, d_out)`.
        strides: Its strides, in elements.
        offset: Its offset from the parameter's first element, in elements.
        numel: Number of elements of the whole parameter.
        call: Number of the layer call it ran in, -1 outside of layers.
        layer: Path of that layer (`model.layers.3`), or an empty string.
        flow: Where the input comes from.
        consistent: Whether output − input @ weight is the same for all rows (0, or the bias).
    """

    module: str
    parameter: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    numel: int
    call: int
    layer: str
    flow: Flow
    consistent: bool


@dataclass
class LayerCall:
    """One execution of a layer.

    Attributes:
        path: Path of the layer.
        widths: Last dimensions of its floating-point outputs.
        flow: Where its output comes from.
    """

    path: str
    widths: set[int] = field(default_factory=set)
    flow: Flow = field(default_factory=dict)


@dataclass
class LeafCall:
    """One execution of a module that has no modules inside.

    Attributes:
        path: Path of the module.
        call: Number of the layer call it ran in, -1 outside of layers.
        n_calls: Number of layer calls begun before.
        flow: Where its input comes from.
        after: Where its output comes from.
        width: Channels, where it took one tensor, nothing else, and returned one of the same shape as norms do; else 0.
    """

    path: str
    call: int
    n_calls: int
    flow: Flow
    after: Flow = field(default_factory=dict)
    width: int = 0


@dataclass
class Trace:
    """What a traced forward pass shows.

    Attributes:
        events: Products with a parameter, in order.
        calls: Layer calls, in order.
        leaves: Calls of modules without modules inside, in order; empty where no details were asked for.
    """

    events: list[Event] = field(default_factory=list)
    calls: list[LayerCall] = field(default_factory=list)
    leaves: list[LeafCall] = field(default_factory=list)


class _Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, owners: ParameterOwners, trace: Trace, *, with_gains: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tracker = FlowTracker(n_tokens=N_TOKENS, with_gains=with_gains)
        self.open_calls: list[int] = []
        self._owners = owners
        self._trace = trace

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        if is_product(func):
            if {tensor.device.type for tensor in tensors_in(args)} > {"meta"}:
                # torch multiplies with a placeholder of a weight on disk without a word, and returns what lies around
                raise RuntimeError(f"{func} has an operand on meta.")
            for operand, right in zip(operands(func, args), (False, True), strict=True):
                owner = self._owners.find(operand)
                if owner is not None:
                    event = self._event(read_product(func, args, right=right), owner, output)
                    self.tracker.start(output, len(self._trace.events))
                    self._trace.events.append(event)
                    return output
        self.tracker.follow(func, args, kwargs, output)
        return output

    def _event(self, product: Product, owner: tuple[str, str, Tensor], output: Tensor) -> Event:
        module, name, parameter = owner
        call = self.open_calls[0] if self.open_calls else -1
        return Event(
            module=module,
            parameter=name,
            shape=tuple(product.weight.shape),
            strides=product.weight.stride(),
            offset=int(product.weight.storage_offset() - parameter.storage_offset()),
            numel=parameter.numel(),
            call=call,
            layer=self._trace.calls[call].path if call >= 0 else "",
            flow=self.tracker.of([product.x]),
            consistent=_consistent(product, output),
        )


def _consistent(product: Product, output: Tensor) -> bool:
    if product.grouped or not product.x.numel():
        return True  # the rows of each group have their own weight; eager experts are traced instead
    y = output.transpose(-1, -2) if product.transposed and output.dim() > 1 else output
    expected = product.x.float() @ product.weight.float()
    rest = y.reshape(expected.shape).float() - expected
    spread = (rest - rest[..., :1, :]).abs().amax()
    scale = torch.maximum(expected.abs().amax(), y.float().abs().amax())
    return bool(spread <= 3e-2 * scale + 1e-6) or not bool(torch.isfinite(scale))


@contextmanager
def _layer_hooks(model: nn.Module, tracer: _Tracer, trace: Trace) -> Iterator[None]:
    def enter(path: str) -> None:
        tracer.open_calls.append(len(trace.calls))
        trace.calls.append(LayerCall(path))

    def leave(output: Any) -> None:
        call = trace.calls[tracer.open_calls.pop()]
        tensors = [t for t in tensors_in(output) if t.is_floating_point() and t.dim()]
        call.widths = {t.shape[-1] for t in tensors}
        call.flow = tracer.tracker.of(tensors)

    with ExitStack() as stack:
        for list_path, layers in layer_lists(model).items():
            for index, layer in enumerate(layers):
                path = f"{list_path}.{index}"
                before = layer.register_forward_pre_hook(lambda _module, _args, path=path: enter(path))
                after = layer.register_forward_hook(lambda _module, _args, output: leave(output))
                stack.callback(before.remove)
                stack.callback(after.remove)
        yield


@contextmanager
def _leaf_hooks(model: nn.Module, tracer: _Tracer, trace: Trace) -> Iterator[None]:
    def enter(path: str, args: Any, kwargs: Any) -> None:
        call = tracer.open_calls[0] if tracer.open_calls else -1
        flow = tracer.tracker.of(tensors_in((args, kwargs)))
        trace.leaves.append(LeafCall(path, call, len(trace.calls), flow))

    def leave(args: Any, kwargs: Any, output: Any) -> None:
        trace.leaves[-1].after = tracer.tracker.of(tensors_in(output))
        alone = len(args) == 1 and not kwargs and isinstance(args[0], Tensor) and isinstance(output, Tensor)
        if alone and args[0].is_floating_point() and args[0].dim() and output.shape == args[0].shape:
            trace.leaves[-1].width = args[0].shape[-1]

    with ExitStack() as stack:
        for path, module in model.named_modules():
            if next(module.children(), None) is not None:
                continue
            before = module.register_forward_pre_hook(
                lambda _module, args, kwargs, path=path: enter(path, args, kwargs), with_kwargs=True
            )
            after = module.register_forward_hook(
                lambda _module, args, kwargs, output: leave(args, kwargs, output), with_kwargs=True
            )
            stack.callback(before.remove)
            stack.callback(after.remove)
        yield


def sample_ids(model: Any, device: torch.device | None = None) -> Tensor:
    """Pseudo-random token ids `(1, N_TOKENS)` for a trace."""
    vocabulary = model.get_input_embeddings().weight.shape[0]
    generator = torch.Generator().manual_seed(0)
    return torch.randint(min(vocabulary, 100), (1, N_TOKENS), generator=generator).to(device or model.device)


def trace_forward(model: Any, input_ids: Tensor, *, details: bool = False) -> Trace:
    """Run one forward pass of `input_ids` `(1, N_TOKENS)` and record its products with parameters.

    Args:
        model: A transformers model in eval mode.
        input_ids: Token ids.
        details: Whether calls of modules without modules inside are recorded too, and gains are followed.
    """
    trace = Trace()
    with ExitStack() as stack:
        owners = stack.enter_context(ParameterOwners.watching(model))
        tracer = _Tracer(owners, trace, with_gains=details)
        stack.enter_context(_layer_hooks(model, tracer, trace))
        if details:  # inside of the layers' hooks, so that a layer without modules inside is in its own call
            stack.enter_context(_leaf_hooks(model, tracer, trace))
        stack.enter_context(torch.no_grad())
        with tracer:
            model(input_ids=input_ids, use_cache=False)
    return trace
