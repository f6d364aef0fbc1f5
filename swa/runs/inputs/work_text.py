"""How much work an evaluation is, in a sentence, before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from swa.evaluation.options import EvaluateOptions
from swa.schemas.detection import SuperWeight
from swa.text.words import counted

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.evaluation.harness.tasks import RequestedTask


def evaluation_text(
    name: str,
    weights: Sequence[SuperWeight],
    options: EvaluateOptions,
    *,
    text: TextSource | None,
    tasks: Sequence[RequestedTask],
) -> str:
    """What is measured how often."""
    n_variants = len(options.scales) * (options.individual * len(weights) + options.combined * bool(weights))
    work = [f"{task.name} {counted(task.n_items, 'item')}" for task in tasks]
    if text is not None:
        work.insert(0, _text_work(options))
    if not n_variants:
        return f"{name}: {counted(len(weights), 'super weight')}, the intact model alone: {', '.join(work)}."
    counts = f"{counted(len(weights), 'super weight')}, {counted(n_variants, 'variant')} and the intact model"
    return f"{name}: {counts}: {', '.join(work)}, each {n_variants + 1} times."


def _text_work(options: EvaluateOptions) -> str:
    if options.protocol == "paragraphs":
        return f"up to {counted(options.perplexity_samples, 'paragraph')}"
    return f"{options.tokens} tokens in windows of {options.window_len}"
