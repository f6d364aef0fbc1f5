"""Recognise the products of known down projections while a model runs, in whatever code they happen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from swa.models.discovery.experts import eager_experts
from swa.models.discovery.matmuls import is_product, operands, read_product
from swa.models.discovery.parameters import ParameterOwners
from swa.models.discovery.sites import Site


class SiteCall(NamedTuple):
    """One use of a down projection.

    Attributes:
        site: Which one.
        x: Input, `(n_rows, d_ff)`.
        y: Output, `(n_rows, d_model)`, a view of the operation's output: writing to it changes the forward pass.
        weight: `W`, `(d_model, d_ff)`, as it was used.
        bias: `(d_model,)` where the operation adds one, else `None`.
    """

    site: Site
    x: Tensor
    y: Tensor
    weight: Tensor
    bias: Tensor | None


class SiteCalls(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Base of modes that see each use of the given sites; subclasses say what to do with one.

    Enter it through `watch_sites`, which also makes fused experts run one by one.
    """

    def __init__(self, owners: ParameterOwners, sites: Sequence[Site]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._owners = owners
        self._sites: dict[tuple[str, str], dict[int, Site]] = {}
        for site in sites:
            self.watch(site)

    def watch(self, site: Site) -> None:
        """See the uses of one more site."""
        self._sites.setdefault((site.module, site.parameter), {})[site.offset] = site

    def on_call(self, call: SiteCall) -> None:
        """Called after each use of a site, before its output is used."""

    def on_operation(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Called after each other operation."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the operation, then look whether it was a use of a site."""
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        calls = list(self._calls(func, args, output)) if is_product(func) else []
        for call in calls:
            self.on_call(call)
        if not calls:
            self.on_operation(func, args, kwargs, output)
        return output

    def _calls(self, func: Any, args: tuple[Any, ...], output: Tensor) -> Iterator[SiteCall]:
        for operand, right in zip(operands(func, args), (False, True), strict=True):
            owner = self._owners.find(operand)
            if owner is None or owner[:2] not in self._sites:
                continue
            sites = self._sites[owner[:2]]
            product = read_product(func, args, right=right)
            y = output.transpose(-1, -2) if product.transposed else output
            offset = int(product.weight.storage_offset() - owner[2].storage_offset())
            if product.weight.dim() == 2:
                site = sites.get(offset)
                if site is not None:
                    weight = product.weight.transpose(0, 1)
                    yield SiteCall(site, _rows(product.x), _rows(y), weight, product.bias)
                continue
            for index in range(product.weight.shape[0]):
                site = sites.get(offset + index * int(product.weight.stride(0)))
                if site is not None:
                    weight = product.weight[index].transpose(0, 1)
                    yield SiteCall(site, _rows(product.x[index]), _rows(y[index]), weight, product.bias)


def _rows(tensor: Tensor) -> Tensor:
    return tensor.view(-1, tensor.shape[-1]) if tensor.is_contiguous() else tensor.flatten(0, -2)


@contextmanager
def watch_sites(model: Any, mode_of: Any) -> Iterator[Any]:
    """Run forward passes under the mode that `mode_of(owners)` makes, with experts one by one."""
    with ExitStack() as stack:
        stack.enter_context(eager_experts(model))
        owners = stack.enter_context(ParameterOwners.watching(model))
        mode = mode_of(owners)
        stack.enter_context(mode)
        yield mode
