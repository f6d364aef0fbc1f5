"""Read weights, resident or from disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from swa.models.sites import Site, parameter_of


@contextmanager
def resident(module: nn.Module) -> Iterator[None]:
    """The module's own weights in memory for the time of the context, also those that lie on disk."""
    if all(parameter.device.type != "meta" for parameter in module.parameters(recurse=False)):
        yield
        return
    from accelerate.utils import align_module_device

    with align_module_device(module):
        yield


def matrix_of(model: Any, site: Site) -> Tensor:
    """`W`, `(d_model, d_ff)`: a view of the parameter, or a copy read from disk where it is offloaded."""
    parameter = parameter_of(model, site)
    if parameter.device.type != "meta":
        return site.view(parameter.detach())
    with resident(model.get_submodule(site.module)):
        return site.view(parameter_of(model, site).detach()).clone()
