"""Super Weight Analysis: find the single scalars that a language model depends on.

The Python API is the commands' own functions. They take a loaded model and give records; they neither print nor write::

    from swa import detect, load_model, load_text

    result = detect(load_model("demo"), load_text("builtin"))

`__all__` lists the stable names; everything else may change. Nothing is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swa.cascades.analysis import cascade
    from swa.cascades.options import CascadeOptions
    from swa.data.options import WindowOptions
    from swa.data.sources import load_text
    from swa.detection.analysis import detect
    from swa.detection.options import DetectOptions
    from swa.engine.measures.layer_choice import LayerChoice
    from swa.evaluation.analysis import evaluate
    from swa.evaluation.harness.tasks import load_tasks
    from swa.evaluation.options import EvaluateOptions
    from swa.models.loading.load import load_model
    from swa.vocabulary.analysis import vocab
    from swa.vocabulary.options import InterventionOptions, NeuronOptions

__all__ = [
    "CascadeOptions",
    "DetectOptions",
    "EvaluateOptions",
    "InterventionOptions",
    "LayerChoice",
    "NeuronOptions",
    "WindowOptions",
    "cascade",
    "detect",
    "evaluate",
    "load_model",
    "load_tasks",
    "load_text",
    "vocab",
]

NUMBERS = 1
"""Raised by every commit that changes a number which a command gives; what is unfinished is then done again."""

_PLACES = {
    "swa.cascades.analysis": ("cascade",),
    "swa.cascades.options": ("CascadeOptions",),
    "swa.data.options": ("WindowOptions",),
    "swa.data.sources": ("load_text",),
    "swa.detection.analysis": ("detect",),
    "swa.detection.options": ("DetectOptions",),
    "swa.engine.measures.layer_choice": ("LayerChoice",),
    "swa.evaluation.analysis": ("evaluate",),
    "swa.evaluation.options": ("EvaluateOptions",),
    "swa.evaluation.harness.tasks": ("load_tasks",),
    "swa.models.loading.load": ("load_model",),
    "swa.vocabulary.analysis": ("vocab",),
    "swa.vocabulary.options": ("InterventionOptions", "NeuronOptions"),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `swa --help` loads no torch."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'swa' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    """The public names, also those that are not imported yet."""
    return sorted({*globals(), *__all__})
