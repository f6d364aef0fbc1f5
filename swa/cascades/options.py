"""Choices of a cascade."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from swa.data.options import WindowOptions
from swa.engine.measures.layer_choice import LayerChoice
from swa.options import BatchOptions, Option

DEFAULT_LAYERS = LayerChoice()
_LAYERS = re.compile(r"all|every[: ]0*[1-9]\d*|\d+", re.ASCII)


def _layers(text: str) -> str:
    """Check one word of `--layers`: `all`, `every:N` or a number."""
    if not _LAYERS.fullmatch(text):
        raise ValueError(f"'{text}' is neither all, nor every N with N from 1, nor the number of a layer.")
    return text.replace(" ", ":")


@dataclass(frozen=True)
class CascadeOptions(BatchOptions, WindowOptions):
    """Choices of a cascade.

    Attributes:
        layers: Which layers are read.
        window_len: Text tokens in a window.
        stride: Step between windows.
        tokens: Scored tokens.
        drop_first_token: Leave the first scored target of each window out.
        batch_size: Windows at once; `None`: by memory.
    """

    layers: Annotated[
        LayerChoice,
        Option(
            help="all, every N, or numbers of layers; by default at most 8, with the layer before the super weight's, "
            "its own and the last.",
            section="Cascade",
            changes="items",
            metavar="LAYER...",
            read=_layers,
            collect=LayerChoice.of_words,
            write=lambda choice: choice.words,
        ),
    ] = DEFAULT_LAYERS
