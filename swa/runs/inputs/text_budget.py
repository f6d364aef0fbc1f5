"""The windows over a text, laid before the model is loaded: what cannot work fails early, what is doubtful is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from swa.data.scoring import ScoringPlan, plan_windows
from swa.errors import UsageError
from swa.runs.driver.model_run import ModelRun

if TYPE_CHECKING:
    from swa.data.options import WindowOptions
    from swa.data.sources import TextSource

N_ENOUGH = 20
"""Windows below which a bootstrap says little."""


class TextBudget(NamedTuple):
    """A text as a model sees it.

    Attributes:
        n_tokens: Tokens of the text.
        n_prefix: Special tokens in front of each window.
        context_length: Longest input of the model.
    """

    n_tokens: int
    n_prefix: int
    context_length: int

    def plan(self, options: WindowOptions) -> ScoringPlan:
        """Lay the windows.

        Raises:
            UsageError: The text is too short for any.
        """
        return plan_windows(
            self.n_tokens,
            window_length=options.window_len,
            stride=options.stride,
            n_targets=options.tokens,
            n_prefix=self.n_prefix,
            context_length=self.context_length,
            drop_first_token=options.drop_first_token,
        )


def measure_text(run: ModelRun, text: TextSource, options: WindowOptions) -> TextBudget:
    """Cut a text with the tokenizer of a model that is not loaded yet, and say or refuse what can be said now.

    Raises:
        UnavailableError: There is no tokenizer.
        UsageError: The text is too short for any window.
    """
    from swa.data.windows import special_prefix, token_stream

    tokenizer = run.tokenizer
    budget = TextBudget(
        n_tokens=len(token_stream(tokenizer, text.text)),
        n_prefix=len(special_prefix(tokenizer)),
        context_length=run.context_length(tokenizer),
    )
    for note in budget.plan(options).notes:
        run.progress.warn(note)
    return budget


def warn_of_notes(run: ModelRun, budget: TextBudget | None, options: WindowOptions, notes: Sequence[str]) -> None:
    """Say of the windows of a loaded model what could not be said before.

    Args:
        run: The model.
        budget: The text as it was measured before, `None` where it was not.
        options: How it is cut.
        notes: What is to be said of the windows.
    """
    said = () if budget is None else budget.plan(options).notes
    for note in notes:
        if note not in said:
            run.progress.warn(note)


def warn_of_few_windows(run: ModelRun, budget: TextBudget, options: WindowOptions) -> None:
    """Say where a bootstrap has few windows to draw from.

    Raises:
        UsageError: The text is too short for any window.
    """
    warning = bootstrap_warning(budget, options)
    if warning is not None:
        run.progress.warn(warning)


def bootstrap_warning(budget: TextBudget, options: WindowOptions) -> str | None:
    """A sentence where a bootstrap has few windows to draw from, with the options that would give enough.

    Raises:
        UsageError: The text is too short for any window.
    """
    n_windows = len(budget.plan(options).windows)
    if n_windows >= N_ENOUGH:
        return None
    ways = " or ".join(_ways_out(budget, options))
    advice = f"{ways} would give {N_ENOUGH}." if ways else "The text is too short for more."
    return f"--bootstrap has {n_windows} windows to draw from; below {N_ENOUGH} intervals are rough. {advice}"


def _ways_out(budget: TextBudget, options: WindowOptions) -> Iterator[str]:
    length = min(options.window_len, budget.context_length - budget.n_prefix)
    longer = replace(options, tokens=length + (N_ENOUGH - 1) * min(options.stride, length))
    if _is_enough(budget, longer):
        yield f"--tokens {longer.tokens}"
    for window_len in range(length - 1, 1, -1):
        shorter = replace(options, window_len=window_len, stride=max(1, window_len // 2))
        if _is_enough(budget, shorter):
            yield f"--window-len {shorter.window_len} --stride {shorter.stride}"
            return


def _is_enough(budget: TextBudget, options: WindowOptions) -> bool:
    try:
        return len(budget.plan(options).windows) >= N_ENOUGH
    except UsageError:  # of the shortest windows no target may be left
        return False
