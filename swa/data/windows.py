"""From a text to windows of token ids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

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
    """Consecutive windows of a text, disjoint between the two uses (docs/methods.md#texts-and-windows).

    Attributes:
        confirmation: `(n, n_prefix + window)`: windows 0 to 15.
        gradient: `(n, n_prefix + window)`: windows 16 to 23.
        n_prefix: Special tokens in front of each window.
    """

    confirmation: Tensor
    gradient: Tensor
    n_prefix: int


@lru_cache(maxsize=2)
def token_stream(tokenizer: Any, text: str) -> Tensor:
    """Token ids `(n,)` of a whole text, without special tokens; the steps of a run that share both share the work.

    Who wants to change the ids copies them.
    """
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
    windows, n_prefix, n_stream = _cut(tokenizer, text, context_length)
    width = windows.shape[1] - n_prefix
    if len(windows) < MIN_CONFIRMATION + MIN_GRADIENT:
        needed = (MIN_CONFIRMATION + MIN_GRADIENT) * width
        raise UsageError(
            f"The text '{text.name}' has {n_stream} tokens; {needed} are needed for {width} tokens a window.",
            hint="Use a longer text, or `--dataset builtin`.",
        )
    n_confirmation, n_gradient = _shares(len(windows))
    return DetectionWindows(
        confirmation=windows[:n_confirmation],
        gradient=windows[n_confirmation : n_confirmation + n_gradient],
        n_prefix=n_prefix,
    )


class RoutingWindows(NamedTuple):
    """Windows on which experts are watched (docs/moe.md#routing-windows).

    Attributes:
        ids: `(n, n_prefix + window)`.
        first: Number of the first one in the text.
        note: What was done because the text is short, or an empty string.
    """

    ids: Tensor
    first: int
    note: str


def routing_windows(tokenizer: Any, text: TextSource, *, context_length: int, n_windows: int) -> RoutingWindows:
    """Windows 24, 25, … of the text, which neither the gradient screen nor the confirmation uses.

    Where the text ends before them, the windows of the gradient screen serve: both look for candidates, and the
    windows of the confirmation stay held out.

    Args:
        tokenizer: The model's tokenizer.
        text: The text.
        context_length: Longest input of the model, in tokens.
        n_windows: How many; fewer where the text has no more.

    Raises:
        UnsupportedModelError: The context has no room for a token and its target.
    """
    windows, _, _ = _cut(tokenizer, text, context_length)
    first = N_CONFIRMATION + N_GRADIENT
    note = ""
    if n_windows and len(windows) <= first:
        n_confirmation, n_gradient = _shares(len(windows))
        windows, first = windows[: n_confirmation + n_gradient], n_confirmation
        note = f"The text '{text.name}' has no windows for routing alone; those of the gradient screen are used"
    chosen = windows[first : first + n_windows]
    if len(chosen) < n_windows:
        note = (note or f"The text '{text.name}' is short") + f": {len(chosen)} instead of {n_windows} windows"
    return RoutingWindows(chosen, first, f"{note}." if note else "")


def _cut(tokenizer: Any, text: TextSource, context_length: int) -> tuple[Tensor, int, int]:
    """All whole windows of a text, the number of special tokens in front of each, and the text's tokens."""
    prefix = special_prefix(tokenizer)
    width = min(WINDOW, context_length - len(prefix))
    if width < 2:
        raise UnsupportedModelError(f"A context of {context_length} tokens has no room for a window of text.")
    stream = token_stream(tokenizer, text.text)
    n_windows = len(stream) // width
    front = torch.tensor(prefix, dtype=torch.int64).expand(n_windows, -1)
    windows = stream[: n_windows * width].view(n_windows, width)
    return torch.cat([front, windows], dim=1), len(prefix), len(stream)


def _shares(n_available: int) -> tuple[int, int]:
    """Windows of the confirmation and of the gradient screen."""
    n_windows = min(n_available, N_CONFIRMATION + N_GRADIENT)
    n_gradient = min(N_GRADIENT, max(MIN_GRADIENT, n_windows // 3))
    return min(N_CONFIRMATION, max(0, n_windows - n_gradient)), n_gradient
