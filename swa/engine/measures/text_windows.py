"""A text as windows of tokens with targets: each token is scored at most once (7-decisions A10)."""

from __future__ import annotations

from dataclasses import dataclass

from swa.data.scoring import plan_windows, window_ids
from swa.data.sources import TextSource
from swa.data.windows import special_prefix, token_stream
from swa.engine.packing.trees import TargetedSequence
from swa.engine.variants.batch import TokenBatch, automatic_batch_size
from swa.models.loading.loaded import LoadedModel


@dataclass(frozen=True)
class TextWindows:
    """Windows over a text.

    Attributes:
        sequences: One a window; the last `n_targets` of its tokens are scored.
        window_len: Text tokens in a window, after clamping.
        stride: Step between windows.
        n_targets: Scored targets of all windows.
        bos: Whether special tokens stand in front of each window.
        notes: Sentences about what was clamped.
    """

    sequences: tuple[TargetedSequence, ...]
    window_len: int
    stride: int
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
    """Lay windows over a text, which is tokenised once and without special tokens.

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
        n_targets=plan.n_targets,
        bos=bool(prefix),
        notes=plan.notes,
    )


def windows_at_once(loaded: LoadedModel, windows: TextWindows, batch_size: int | None) -> int:
    """The batch size as given, else what a tenth of the memory takes."""
    return batch_size or automatic_batch_size(
        loaded.sites,
        n_tokens=max(len(sequence.tokens) for sequence in windows.sequences),
        vocabulary=loaded.model.get_output_embeddings().weight.shape[0],
        device=loaded.device,
    )
