"""Overlapping windows in which every token is scored at most once (docs/methods.md#texts-and-windows)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swa.errors import UsageError


@dataclass(frozen=True)
class ScoringWindow:
    """One window of a stream of tokens.

    Attributes:
        start: First text token in the window.
        stop: Behind the last one.
        score_from: First text token that is a target; the targets go to `stop`.
    """

    start: int
    stop: int
    score_from: int

    @property
    def n_targets(self) -> int:
        """Number of scored targets."""
        return self.stop - self.score_from


@dataclass(frozen=True)
class ScoringPlan:
    """The windows over a text and what they were made with.

    Attributes:
        windows: In order; together they score each token at most once.
        window_length: Text tokens in a window, after clamping.
        stride: Step between windows.
        n_laid: Targets of all windows.
        n_targets: Those that are scored; fewer where the first of each window is left out.
        notes: Sentences about what was clamped.
    """

    windows: tuple[ScoringWindow, ...]
    window_length: int
    stride: int
    n_laid: int
    n_targets: int
    notes: tuple[str, ...]


def check_windows(window_length: int, stride: int, n_targets: int) -> None:
    """Refuse numbers that make no windows; see `plan_windows`.

    Raises:
        UsageError: A number is too small, or windows would leave tokens out.
    """
    if window_length < 2 or stride < 1 or n_targets < 1:
        raise UsageError("A window needs 2 tokens, a stride 1, and --tokens must be at least 1.")
    if stride > window_length:
        raise UsageError(f"--stride {stride} is larger than --window-len {window_length}: tokens would be lost.")


def plan_windows(
    n_tokens: int,
    *,
    window_length: int,
    stride: int,
    n_targets: int,
    n_prefix: int,
    context_length: int,
    drop_first_token: bool = False,
) -> ScoringPlan:
    """Lay windows over a stream.

    Window i holds the text tokens [i·stride, i·stride + window) behind the special tokens that the tokenizer puts in
    front. It scores from where the previous one ended; a token that has nothing before it in its window has no
    prediction and is not scored.

    Args:
        n_tokens: Tokens of the stream.
        window_length: Text tokens in a window; at most what the context leaves beside the prefix.
        stride: Step between windows, at most the window.
        n_targets: Targets to score; the last window is cut behind the last one.
        n_prefix: Special tokens in front of each window.
        context_length: Longest input of the model.
        drop_first_token: Leave the first scored target of each window out.

    Raises:
        UsageError: The numbers make no windows.
    """
    check_windows(window_length, stride, n_targets)
    notes = []
    longest = context_length - n_prefix
    if window_length > longest:
        notes.append(f"The window was clamped from {window_length} to {longest} tokens, the model's context.")
        window_length, stride = longest, min(stride, longest)
    windows: list[ScoringWindow] = []
    scored, end = 0, 0
    while scored < n_targets and end < n_tokens:
        start = len(windows) * stride
        stop = min(start + window_length, n_tokens)
        score_from = max(end, start if n_prefix else start + 1)
        stop = min(stop, score_from + n_targets - scored)
        if stop <= score_from:
            break
        windows.append(ScoringWindow(start, stop, score_from))
        scored, end = scored + stop - score_from, stop
    if scored < n_targets:
        notes.append(f"--tokens was clamped from {n_targets} to {scored}, what the text has.")
    if drop_first_token:
        windows = [ScoringWindow(w.start, w.stop, w.score_from + 1) for w in windows]
        windows = [window for window in windows if window.n_targets]
    if not windows:
        raise UsageError(f"A text of {n_tokens} tokens gives no window to score.", hint="Use more tokens.")
    return ScoringPlan(
        windows=tuple(windows),
        window_length=window_length,
        stride=stride,
        n_laid=scored,
        n_targets=sum(window.n_targets for window in windows),
        notes=tuple(notes),
    )


def window_ids(stream: Sequence[int], window: ScoringWindow, prefix: Sequence[int]) -> list[int]:
    """Token ids of a window with the special tokens in front."""
    return [*prefix, *stream[window.start : window.stop]]
