"""A text as windows of tokens with targets: each token is scored at most once (docs/methods.md#texts-and-windows)."""

from __future__ import annotations

from dataclasses import dataclass

from swa.data.scoring import plan_windows, window_ids
from swa.data.sources import TextSource
from swa.data.windows import special_prefix, token_stream
from swa.engine.packing.trees import TargetedSequence
from swa.engine.variants.batch import TokenBatch, automatic_batch_size
from swa.models.loading.loaded import LoadedModel
from swa.schemas.run import EffectiveWindows
from swa.text.words import counted


@dataclass(frozen=True)
class TextWindows:
    """Windows over a text.

    Attributes:
        sequences: One a window; the last `n_targets` of its tokens are scored.
        window_len: Text tokens in a window, after clamping.
        stride: Step between windows.
        n_laid: Targets of all windows.
        n_targets: Those that are scored.
        bos: Whether special tokens stand in front of each window.
        notes: Sentences about what was clamped.
    """

    sequences: tuple[TargetedSequence, ...]
    window_len: int
    stride: int
    n_laid: int
    n_targets: int
    bos: bool
    notes: tuple[str, ...]

    def batches(self, n_windows: int) -> list[TokenBatch]:
        """Batches of at most `n_windows` windows, in order."""
        starts = range(0, len(self.sequences), n_windows)
        return [_batch(self.sequences[start : start + n_windows]) for start in starts]


def _batch(sequences: tuple[TargetedSequence, ...]) -> TokenBatch:
    return TokenBatch.of_sequences(
        [sequence.tokens for sequence in sequences],
        score_from=[len(sequence.tokens) - sequence.n_targets for sequence in sequences],
    )


def text_windows(
    loaded: LoadedModel,
    text: TextSource,
    *,
    tokens: int,
    window_len: int,
    stride: int,
    drop_first_token: bool = False,
) -> TextWindows:
    """Lay windows over a text.

    Args:
        loaded: The model: its tokenizer, its special tokens in front of a text, its context.
        text: The text.
        tokens: Targets to score; fewer where the text has fewer.
        window_len: Text tokens in a window; fewer where the context has no room.
        stride: Step between windows.
        drop_first_token: Leave the first scored target of each window out.

    Raises:
        UsageError: The numbers make no windows, or the text is too short.
    """
    prefix = special_prefix(loaded.tokenizer)
    stream: list[int] = token_stream(loaded.tokenizer, text.text).tolist()
    plan = plan_windows(
        len(stream),
        window_length=window_len,
        stride=stride,
        n_targets=tokens,
        n_prefix=len(prefix),
        context_length=loaded.context_length,
        drop_first_token=drop_first_token,
    )
    return TextWindows(
        tuple(TargetedSequence(tuple(window_ids(stream, w, prefix)), w.n_targets) for w in plan.windows),
        window_len=plan.window_length,
        stride=plan.stride,
        n_laid=plan.n_laid,
        n_targets=plan.n_targets,
        bos=bool(prefix),
        notes=plan.notes,
    )


@dataclass(frozen=True)
class BatchedWindows:
    """Windows over a text, so many at once.

    Attributes:
        windows: The windows.
        effective: What the record says of them.
    """

    windows: TextWindows
    effective: EffectiveWindows

    @property
    def batches(self) -> list[TokenBatch]:
        """All windows, in order."""
        return self.windows.batches(self.effective.batch_size)

    @property
    def text(self) -> str:
        """The windows in words."""
        windows = self.effective
        count = counted(windows.n_windows, "window")
        return f"{count} of {windows.window_len} tokens ({windows.tokens_scored} scored)"


def batched_windows(
    loaded: LoadedModel,
    text: TextSource,
    *,
    tokens: int,
    window_len: int,
    stride: int,
    drop_first_token: bool,
    batch_size: int | None,
) -> BatchedWindows:
    """Lay windows over a text for passes; see `text_windows`.

    Args:
        loaded: The model.
        text: The text.
        tokens: Targets to score.
        window_len: Text tokens in a window.
        stride: Step between windows.
        drop_first_token: Leave the first scored target of each window out.
        batch_size: Windows at once; `None`: what a tenth of the memory takes.

    Raises:
        UsageError: The numbers make no windows, or the text is too short.
    """
    windows = text_windows(
        loaded, text, tokens=tokens, window_len=window_len, stride=stride, drop_first_token=drop_first_token
    )
    at_once = batch_size or automatic_batch_size(
        loaded.sites,
        n_tokens=max(len(sequence.tokens) for sequence in windows.sequences),
        vocabulary=loaded.model.get_output_embeddings().weight.shape[0],
        device=loaded.device,
    )
    effective = EffectiveWindows(
        tokens=windows.n_laid,
        tokens_scored=windows.n_targets,
        window_len=windows.window_len,
        stride=windows.stride,
        n_windows=len(windows.sequences),
        batch_size=at_once,
    )
    return BatchedWindows(windows, effective)
