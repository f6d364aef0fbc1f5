"""Choices of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from swa.data.scoring import check_windows
from swa.errors import UsageError
from swa.schemas.evaluation import Protocol

DEFAULT_TASKS = ("hellaswag", "arc_easy", "mmlu", "gsm8k")


@dataclass(frozen=True)
class EvaluateOptions:
    """The choices of one evaluation; the defaults are those of the command line.

    Attributes:
        protocol: `paragraphs`: single paragraphs with the tokenizer's own special tokens; `windows`: overlapping
            windows over the whole text.
        perplexity_samples: Paragraphs at most.
        tokens: Scored tokens of the windows protocol.
        window_len: Text tokens in a window.
        stride: Step between windows.
        individual: Whether each super weight is edited alone.
        combined: Whether all are edited together.
        scales: Factors; 0 removes.
        seed: Seed of the choice of paragraphs and of the bootstraps.
        batch_size: Rows (texts, or prompts that begin alike) that go through the model at once; `None`: by memory.
    """

    protocol: Protocol = "paragraphs"
    perplexity_samples: int = 500
    tokens: int = 30_000
    window_len: int = 1024
    stride: int = 512
    individual: bool = True
    combined: bool = True
    scales: tuple[float, ...] = (0.0,)
    seed: int = 42
    batch_size: int | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no evaluation.

        Raises:
            UsageError: No scale, no paragraph, or a window that makes no sense.
        """
        if not self.scales:
            raise UsageError("--scales needs at least one factor.")
        if self.perplexity_samples < 1:
            raise UsageError("--perplexity-samples must be at least 1.")
        check_windows(self.window_len, self.stride, self.tokens)
