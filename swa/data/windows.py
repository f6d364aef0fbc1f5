"""From a text to windows of token ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from swa.data.sources import TextSource
from swa.errors import UnsupportedModelError, UsageError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WINDOW = 256
N_CONFIRMATION = 16
N_GRADIENT = 8
MIN_CONFIRMATION, MIN_GRADIENT = 4, 2


@dataclass(frozen=True)
class DetectionWindows:
    """Consecutive windows of a text, disjoint between the two uses (7-decisions A1).

    Attributes:
        confirmation: `(n, n_prefix + window)`: windows 0 to 15.
        gradient: `(n, n_prefix + window)`: windows 16 to 23.
        n_prefix: Special tokens in front of each window.
    """

    confirmation: Tensor
    gradient: Tensor
    n_prefix: int


def token_stream(tokenizer: Any, text: str) -> Tensor:
    """Token ids `(n,)` of a whole text, tokenised once and without special tokens."""
    # the text is longer than any context on purpose; the tokenizer's warning about it would only mislead
    ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return torch.tensor(ids, dtype=torch.int64)


def special_prefix(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The special tokens that the tokenizer itself puts in front of a text; none for SmolLM2 and GPT-2."""
    bare = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    whole = list(tokenizer("a")["input_ids"])
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return whole[:start]
    return []


def detection_windows(tokenizer: Any, text: TextSource, *, context_length: int) -> DetectionWindows:
    """Cut a text into the windows of a detection.

    Args:
        tokenizer: The model's tokenizer.
        text: The text; a short one is shared 2:1 between confirmation and gradient screen.
        context_length: Longest input of the model, in tokens.

    Raises:
        UnsupportedModelError: The context has no room for a token and its target.
        UsageError: The text does not give 4 + 2 windows.
    """
    prefix = special_prefix(tokenizer)
    width = min(WINDOW, context_length - len(prefix))
    if width < 2:
        raise UnsupportedModelError(f"A context of {context_length} tokens has no room for a window of text.")
    stream = token_stream(tokenizer, text.text)
    n_available = len(stream) // width
    if n_available < MIN_CONFIRMATION + MIN_GRADIENT:
        needed = (MIN_CONFIRMATION + MIN_GRADIENT) * width
        raise UsageError(
            f"The text '{text.name}' has {len(stream)} tokens; {needed} are needed for {width} tokens a window.",
            hint="Use a longer text, or `--dataset builtin`.",
        )
    n_windows = min(n_available, N_CONFIRMATION + N_GRADIENT)
    n_gradient = min(N_GRADIENT, max(MIN_GRADIENT, n_windows // 3))
    windows = stream[: n_windows * width].view(n_windows, width)
    front = torch.tensor(prefix, dtype=torch.int64).expand(n_windows, -1)
    windows = torch.cat([front, windows], dim=1)
    n_confirmation = min(N_CONFIRMATION, n_windows - n_gradient)
    return DetectionWindows(
        confirmation=windows[:n_confirmation],
        gradient=windows[n_confirmation : n_confirmation + n_gradient],
        n_prefix=len(prefix),
    )
