"""Models of which a part of the weights stays on disk: layers are read whole, and some models cannot be analysed so."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from swa.errors import UnsupportedModelError
from swa.models.discovery.layers import layer_lists
from swa.models.discovery.sites import SiteMap
from swa.models.loading.weights import kept_resident

_M_MMAP_THRESHOLD = -3
"""Number of the option in malloc.h."""


def read_layers_whole(network: nn.Module) -> None:
    """Let each layer's weights come from disk when the layer is called, all of them, and go when it is done.

    By itself accelerate reads a module's own weights when that module is called; some layers take them without.
    """
    for layers in layer_lists(network).values():
        for layer in layers:
            if any(parameter.device.type == "meta" for parameter in layer.parameters()):
                layer.forward = _whole(layer, layer.forward)


def give_back_freed_memory() -> None:
    """Let glibc return large blocks to the system when they are freed; what was read from disk would stay otherwise."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, 2**20)


def _whole(layer: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        with kept_resident(layer):
            return forward(*args, **kwargs)

    return run


@contextmanager
def weights_on_disk_known(name: str) -> Iterator[None]:
    """Say in a sentence that a model's code reads weights which lie on disk.

    Outside of layers a module's weights are read from disk when it is called. Code that takes them without calling it
    sees none, and torch says so (the placeholders lie on `meta`).

    Raises:
        UnsupportedModelError: This model does so.
    """
    try:
        yield
    except (RuntimeError, NotImplementedError) as error:
        if "meta" not in str(error):
            raise
        raise UnsupportedModelError(
            f"The code of {name} uses weights of modules that it does not call; they cannot stay on disk.",
            hint="Raise --max-memory until the embeddings fit, or leave it out.",
        ) from error


def check_shared(network: Any, sites: SiteMap) -> None:
    """Refuse down projections that several layers share: on disk they are read as if they were several.

    Raises:
        UnsupportedModelError: There is one.
    """
    tied = {name for pair in (getattr(network, "all_tied_weights_keys", None) or {}).items() for name in pair}
    shared = next((site for site in sites.sites if f"{site.module}.{site.parameter}" in tied), None)
    if shared is not None:
        raise UnsupportedModelError(
            f"{shared.module} is shared by several layers; such a weight cannot stay on disk.",
            hint="Leave --max-memory out.",
        )
