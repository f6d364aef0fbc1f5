"""Run a forward pass no further than one module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from torch import nn


class _EnoughError(Exception):
    """What was wanted is there; the rest of the forward pass is not needed."""


def output_of(module: nn.Module, model: nn.Module, **inputs: Any) -> Any:
    """What `module` returns in a forward pass of `model`, which ends there; `None` where it does not run."""
    return _seen(
        lambda see: module.register_forward_hook(lambda _module, _args, output: see(output)),
        model,
        inputs,
    )


def input_of(module: nn.Module, model: nn.Module, **inputs: Any) -> Any:
    """What `module` is called with, `(args, kwargs)`, in a forward pass that ends there; `None` where it is not."""
    return _seen(
        lambda see: module.register_forward_pre_hook(
            lambda _module, args, kwargs: see((args, kwargs)), with_kwargs=True
        ),
        model,
        inputs,
    )


def _seen(attach: Callable[[Callable[[Any], None]], Any], model: nn.Module, inputs: Mapping[str, Any]) -> Any:
    kept: list[Any] = []

    def see(value: Any) -> None:
        kept.append(value)
        raise _EnoughError

    hook = attach(see)
    try:
        with suppress(_EnoughError):
            model(**inputs, use_cache=False)
    finally:
        hook.remove()
    return kept[0] if kept else None
