"""The texts behind a perplexity: seeded paragraphs, or overlapping windows (docs/methods.md#perplexity)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from swa.data.sources import TextSource
from swa.data.windows import special_prefix
from swa.engine.measures.text_windows import text_windows
from swa.engine.packing.trees import TargetedSequence
from swa.errors import UsageError
from swa.evaluation.options import EvaluateOptions
from swa.models.loading.loaded import LoadedModel
from swa.schemas.choices import Protocol

MIN_CHARACTERS = 50
"""Shorter rows are headings and blank lines."""


@dataclass(frozen=True)
class ScoredTexts:
    """Texts as tokens with targets.

    Attributes:
        sequences: One a text.
        protocol: How they were cut.
        n_truncated: Texts that were cut to the context.
        bos: Whether special tokens stand in front of each.
        notes: Sentences about what differs from what was asked for.
    """

    sequences: tuple[TargetedSequence, ...]
    protocol: Protocol
    n_truncated: int
    bos: bool
    notes: tuple[str, ...]


def scored_texts(loaded: LoadedModel, text: TextSource, options: EvaluateOptions) -> ScoredTexts:
    """Cut a text by the protocol that was chosen.

    Raises:
        UsageError: Nothing in the text can be scored.
    """
    if options.protocol == "paragraphs":
        return paragraphs(loaded, text, n_samples=options.perplexity_samples, seed=options.seed)
    return windows(loaded, text, options)


def paragraphs(loaded: LoadedModel, text: TextSource, *, n_samples: int, seed: int) -> ScoredTexts:
    """A seeded choice of paragraphs without repetition, tokenised with the tokenizer's own special tokens.

    All tokens behind the first, or behind the special tokens in front, are targets. What is longer than the context
    is cut and counted.
    """
    candidates = [row.strip() for row in text.documents if len(row.strip()) >= MIN_CHARACTERS]
    notes = []
    if len(candidates) < n_samples:
        notes.append(
            f"'{text.name}' has {len(candidates)} paragraphs of {MIN_CHARACTERS} characters, fewer than the "
            f"{n_samples} of --perplexity-samples; all are used."
        )
    chosen = sorted(random.Random(f"{seed}:paragraphs").sample(range(len(candidates)), min(n_samples, len(candidates))))
    n_prefix = len(special_prefix(loaded.tokenizer))
    sequences, n_truncated = [], 0
    for number in chosen:
        ids = _ids(loaded.tokenizer, candidates[number])
        n_truncated += len(ids) > loaded.context_length
        ids = ids[: loaded.context_length]
        n_targets = len(ids) - max(1, n_prefix)
        if n_targets > 0:
            sequences.append(TargetedSequence(tuple(ids), n_targets))
    if not sequences:
        raise UsageError(
            f"'{text.name}' has no paragraph of {MIN_CHARACTERS} characters to score.",
            hint="Use another --dataset, or --protocol windows.",
        )
    return ScoredTexts(tuple(sequences), "paragraphs", n_truncated, n_prefix > 0, tuple(notes))


def windows(loaded: LoadedModel, text: TextSource, options: EvaluateOptions) -> ScoredTexts:
    """Overlapping windows over the whole text, each token scored at most once (docs/methods.md#texts-and-windows)."""
    found = text_windows(loaded, text, tokens=options.tokens, window_len=options.window_len, stride=options.stride)
    return ScoredTexts(found.sequences, "windows", 0, found.bos, found.notes)


def _ids(tokenizer: Any, text: str) -> Sequence[int]:
    ids: list[int] = tokenizer(text, verbose=False)["input_ids"]
    return ids
