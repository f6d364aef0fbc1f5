from .cascades.analysis import cascade
from .cascades.options import CascadeOptions
from .data.options import TextOptions, WindowOptions
from .data.sources import load_text
from .detection.analysis import detect
from .detection.options import DetectOptions
from .engine.measures.layer_choice import LayerChoice
from .evaluation.analysis import evaluate
from .evaluation.harness.tasks import load_tasks
from .evaluation.options import EvaluateOptions, TaskOptions
from .models.loading.load import load_model
from .models.loading.options import LoadOptions
from .progress import NotebookProgress, PlainProgress
from .tables.shown import show
from .versions import NUMBERS
from .vocabulary.analysis import vocab
from .vocabulary.options import InterventionOptions, NeuronOptions

__all__ = [
    "NUMBERS",
    "CascadeOptions",
    "DetectOptions",
    "EvaluateOptions",
    "InterventionOptions",
    "LayerChoice",
    "LoadOptions",
    "NeuronOptions",
    "NotebookProgress",
    "PlainProgress",
    "TaskOptions",
    "TextOptions",
    "WindowOptions",
    "cascade",
    "detect",
    "evaluate",
    "load_model",
    "load_tasks",
    "load_text",
    "show",
    "vocab",
]
