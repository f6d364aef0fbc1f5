"""Read a down projection's matrix, resident or from disk."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from swa.models.sites import Site, parameter_of


def matrix_of(model: Any, site: Site) -> Tensor:
    """`W`, `(d_model, d_ff)`: a view of the parameter, or a copy read from disk where it is offloaded."""
    parameter = parameter_of(model, site)
    if parameter.device.type != "meta":
        return site.view(parameter.detach())
    from accelerate.utils import align_module_device

    with align_module_device(model.get_submodule(site.module)):
        return site.view(parameter_of(model, site).detach()).clone()
