"""Fused experts of transformers 5: one 3-D parameter for all experts of a layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from swa.models.discovery.sites import Site


def _is_fused(module: nn.Module) -> bool:
    """Whether a module carries the marks that transformers' experts decorator leaves."""
    return hasattr(module, "is_transposed") and hasattr(module, "has_gate") and hasattr(module, "down_proj")


@contextmanager
def eager_experts(model: Any) -> Iterator[None]:
    """Let fused experts run as a plain loop over the experts, so that each one's products can be told apart."""
    configs = {id(m.config): m.config for m in model.modules() if _is_fused(m) and hasattr(m, "config")}
    before = {key: config._experts_implementation for key, config in configs.items()}
    for config in configs.values():
        config._experts_implementation_internal = "eager"
    try:
        yield
    finally:
        for key, config in configs.items():
            config._experts_implementation_internal = before[key]


def fused_experts(model: nn.Module, *, known: list[Site], stacks: dict[str, int]) -> list[Site]:
    """Sites of fused experts that the trace did not list: those that write into a latent space first."""
    listed = {site.module for site in known}
    sites: list[Site] = []
    for path, module in model.named_modules():
        stack = next((s for s in stacks if path.startswith(f"{s}.")), None)
        if not _is_fused(module) or path in listed or stack is None:
            continue
        n_experts, first, second = module.down_proj.shape
        d_model, d_ff = (second, first) if module.is_transposed else (first, second)
        strides = (1, second) if module.is_transposed else (second, 1)
        sites += [
            Site(
                layer=int(path.removeprefix(f"{stack}.").split(".")[0]),
                stack=stack,
                kind="expert",
                expert=expert,
                module=path,
                parameter="down_proj",
                d_model=d_model,
                d_ff=d_ff,
                strides=strides,
                offset=expert * first * second,
            )
            for expert in range(n_experts)
        ]
    return sites
