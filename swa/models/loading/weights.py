"""Read weights, resident or from disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from swa.models.discovery.sites import Site, parameter_of


@contextmanager
def resident(module: nn.Module) -> Iterator[None]:
    """The module's own weights in memory for the time of the context, also those that lie on disk."""
    if all(parameter.device.type != "meta" for parameter in module.parameters(recurse=False)):
        yield
        return
    from accelerate.utils import align_module_device

    with align_module_device(module):
        yield


@contextmanager
def kept_resident(module: nn.Module) -> Iterator[None]:
    """All weights in a module in memory for the time of the context; its forward passes read nothing from disk."""
    with ExitStack() as stack:
        for part in module.modules():
            if any(parameter.device.type == "meta" for parameter in part.parameters(recurse=False)):
                stack.enter_context(resident(part))
                hook: Any = part._hf_hook
                stack.callback(setattr, hook, "offload", hook.offload)
                hook.offload = False  # accelerate would read them for each call, and drop them after it
        yield


def matrix_of(model: Any, site: Site) -> Tensor:
    """`W`, `(d_model, d_ff)`: a view of the parameter, or a copy read from disk where it is offloaded."""
    parameter = parameter_of(model, site)
    if parameter.device.type != "meta":
        return site.view(parameter.detach())
    with resident(model.get_submodule(site.module)):
        return site.view(parameter_of(model, site).detach()).clone()
