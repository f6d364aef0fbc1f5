"""Inputs and outputs of every down projection in one forward pass, with the token of each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from swa.engine.capture.calls import SiteCall, SiteCalls, watch_sites
from swa.models.discovery.dataflow import tensors_in
from swa.models.discovery.layers import layer_lists
from swa.models.discovery.matmuls import is_product, storage_of
from swa.models.discovery.parameters import ParameterOwners
from swa.models.discovery.sites import Site

aten = torch.ops.aten

_SUMS = (aten.add.Tensor, aten.add_.Tensor)
_NEW_BUFFERS = (aten.zeros_like.default, aten.zeros.default, aten.new_zeros.default)


@dataclass
class SiteActivation:
    """What went through one down projection.

    Attributes:
        x: Input, `(n_rows, d_ff)`.
        y: Output, `(n_rows, d_model)`, before post-norm, gate weight and multipliers.
        bias: `(d_model,)` or `None`.
        tokens: `(n_rows,)` position of each row's token; experts see only the tokens routed to them.
        added: `(n_tokens, d_model)`: what the MLP adds to the residual stream, after post-norm and multipliers and
            with all experts of the layer together; `None` where no such sum is seen.
    """

    x: Tensor
    y: Tensor
    bias: Tensor | None
    tokens: Tensor
    added: Tensor | None = None


@dataclass
class Activations:
    """One forward pass of one text.

    Attributes:
        sites: Activation by site; sites that no token reached are missing.
        residuals: Output of each layer by its path, first tensor, in the shape the model has it.
    """

    sites: dict[Site, SiteActivation] = field(default_factory=dict)
    residuals: dict[str, Tensor] = field(default_factory=dict)
    _medians: dict[str, float] = field(default_factory=dict)

    def residual_after(self, site: Site) -> Tensor | None:
        """The residual stream after the site's layer."""
        return self.residuals.get(f"{site.stack}.{site.layer}")

    def residual_median(self, site: Site) -> float:
        """Median over tokens and channels of |residual| after the site's layer; NaN where there is none."""
        path = f"{site.stack}.{site.layer}"
        if path not in self._medians:
            residual = self.residual_after(site)
            self._medians[path] = float("nan") if residual is None else float(residual.float().abs().median())
        return self._medians[path]


class _Capture(SiteCalls):  # type: ignore[no-untyped-call]
    def __init__(self, owners: ParameterOwners, sites: Sequence[Site], n_tokens: int) -> None:
        super().__init__(owners, sites)
        self.activations = Activations()
        self._n_tokens = n_tokens
        self._tokens_of: dict[int, Tensor] = {}  # storage → token of each row, for gathered rows
        self._pending: dict[int, set[Site]] = {}  # storage → sites whose output it carries to the residual stream
        self._buffers: set[int] = set()
        self._alive: list[Any] = []

    def on_call(self, call: SiteCall) -> None:
        if not len(call.x):  # an expert that runs on the tokens of nobody
            return
        tokens = self._tokens(call)
        seen = self.activations.sites.get(call.site)
        x, y = call.x.detach().clone(), call.y.detach().clone()
        if seen is None:
            self.activations.sites[call.site] = SiteActivation(x, y, call.bias, tokens)
        else:  # called again in this pass: layers that repeat, chunked feed-forward
            seen.x, seen.y = torch.cat([seen.x, x]), torch.cat([seen.y, y])
            seen.tokens = torch.cat([seen.tokens, tokens])
        self._alive.append(call)
        self._pending.setdefault(storage_of(call.y), set()).add(call.site)
        rows = self._rows_of(call.x)
        if rows is not None:
            self._tokens_of[storage_of(call.y)] = rows

    def _tokens(self, call: SiteCall) -> Tensor:
        n_rows = len(call.x)
        rows = self._rows_of(call.x)
        if rows is None:
            seen = self.activations.sites.get(call.site)
            start = 0 if seen is None else len(seen.x)
            rows = torch.arange(start, start + n_rows) % self._n_tokens
        return rows.cpu()

    def _rows_of(self, tensor: Tensor) -> Tensor | None:
        """Token of each row of a tensor that comes from gathered rows, or of a slice of them."""
        rows = self._tokens_of.get(storage_of(tensor))
        if rows is None or not tensor.dim() or len(rows) == len(tensor):
            return rows
        if tensor.dim() != 2 or tensor.stride(0) < tensor.shape[1]:  # not some of the rows, but something else
            return None
        first = int(tensor.storage_offset()) // max(1, int(tensor.stride(0)))
        part = rows[first : first + len(tensor)]
        return part if len(part) == len(tensor) else None

    def on_operation(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        outputs = [t for t in tensors_in(output) if t.is_floating_point()]
        if not outputs:
            return
        self._alive.append(outputs)
        inputs = [t for t in tensors_in((args, kwargs)) if t.is_floating_point()]
        self._follow_rows(func, args, inputs, outputs)
        if func in _NEW_BUFFERS:
            self._buffers |= {storage_of(t) for t in outputs}
            for tensor in outputs:
                self._pending.pop(storage_of(tensor), None)
        carried = [self._pending.get(storage_of(t), set()) for t in inputs]
        if not any(carried) or is_product(func):  # behind a further product the channels are others
            return
        if func in _SUMS and len(inputs) == 2 and self._reaches_residual(inputs, carried):
            return
        sites = set().union(*carried)
        for tensor in outputs:
            self._pending[storage_of(tensor)] = set(sites)

    def _reaches_residual(self, inputs: list[Tensor], carried: list[set[Site]]) -> bool:
        """Whether this sum adds an MLP's output to the residual stream; if so, keep what is added."""
        left_carries, right_carries = bool(carried[0]), bool(carried[1])
        if left_carries == right_carries or inputs[0].shape != inputs[1].shape:
            return False
        added, other = (inputs[0], inputs[1]) if left_carries else (inputs[1], inputs[0])
        sites = carried[0] or carried[1]
        if storage_of(other) in self._buffers or added.numel() % self._n_tokens:
            return False
        for site in sites:
            activation = self.activations.sites[site]
            if activation.added is None and added.shape[-1] == site.d_model:
                activation.added = added.detach().reshape(-1, site.d_model).clone()
        return True

    def _follow_rows(self, func: Any, args: tuple[Any, ...], inputs: list[Tensor], outputs: list[Tensor]) -> None:
        if func is aten.index.Tensor and args[0].dim() == 2 and len(args[1]) == 1:
            self._gathered(args[0], args[1][0], outputs[0])
        elif func is aten.index_select.default and args[1] == 0:
            self._gathered(args[0], args[2], outputs[0])
        elif func is aten.cat.default and all(t.dim() == 2 for t in inputs) and (len(args) < 2 or args[1] == 0):
            parts = [self._rows_of(tensor) for tensor in inputs]
            if all(part is not None for part in parts):
                self._tokens_of[storage_of(outputs[0])] = torch.cat([part for part in parts if part is not None])
        else:
            for tensor in inputs:
                rows = self._rows_of(tensor)
                if rows is None:
                    continue
                for produced in outputs:
                    if (
                        produced.dim()
                        and produced.shape[0] == len(rows)
                        and storage_of(produced) not in self._tokens_of
                    ):
                        self._tokens_of[storage_of(produced)] = rows

    def _gathered(self, source: Tensor, index: Tensor, output: Tensor) -> None:
        if index is None or index.dtype == torch.bool or index.dim() != 1:
            return
        rows = self._tokens_of.get(storage_of(source))
        self._tokens_of[storage_of(output)] = index % self._n_tokens if rows is None else rows[index]


@contextmanager
def _residuals(model: nn.Module, activations: Activations) -> Iterator[None]:
    def keep(path: str, output: Any) -> None:
        tensors = [t for t in tensors_in(output) if t.is_floating_point()]
        if tensors:
            activations.residuals[path] = tensors[0].detach().clone()

    with ExitStack() as stack:
        for list_path, layers in layer_lists(model).items():
            for index, layer in enumerate(layers):
                path = f"{list_path}.{index}"
                hook = layer.register_forward_hook(lambda _m, _a, output, path=path: keep(path, output))
                stack.callback(hook.remove)
        yield


def capture(model: Any, sites: Sequence[Site], input_ids: Tensor) -> Activations:
    """Run one text `(1, n_tokens)` and keep what goes through the sites and along the residual stream.

    Fused experts run one by one, so each is seen alone; which experts a token takes is the model's own choice.
    """
    n_tokens = input_ids.shape[1]
    with watch_sites(model, lambda owners: _Capture(owners, sites, n_tokens)) as mode, torch.no_grad():
        activations: Activations = mode.activations
        with _residuals(model, activations):
            model(input_ids=input_ids, use_cache=False)
    return activations
