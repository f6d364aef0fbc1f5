"""Super Weight Analysis: find the single scalars that a language model depends on.

The Python API is the commands' own functions::

    from swa import detect, load_model, load_text

    result = detect(load_model("demo"), load_text("builtin"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swa.data.sources import load_text
    from swa.detection.analysis import detect
    from swa.models.load import load_model

__all__ = ["detect", "load_model", "load_text"]

_PLACES = {"detect": "swa.detection.analysis", "load_model": "swa.models.load", "load_text": "swa.data.sources"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `swa --help` loads no torch."""
    if name not in _PLACES:
        raise AttributeError(f"module 'swa' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
