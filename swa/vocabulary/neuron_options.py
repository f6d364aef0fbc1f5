"""Choices of neuron cards and of the census."""

from __future__ import annotations

from dataclasses import dataclass

from swa.errors import UsageError


@dataclass(frozen=True)
class NeuronOptions:
    """What a neuron card holds; the defaults are those of the command line.

    Attributes:
        top_tokens: Tokens kept of each end.
        cosine: Whether the moments of the cosines are written; the label is made of them in any case.
        enrichment: Whether classes of tokens are compared.
        seed: Seed of the sample that a neuron is read beside.
    """

    top_tokens: int = 20
    cosine: bool = False
    enrichment: bool = False
    seed: int = 42

    def __post_init__(self) -> None:
        """Refuse a number that lists nothing.

        Raises:
            UsageError: `top_tokens` is below 1.
        """
        if self.top_tokens < 1:
            raise UsageError(f"--top-tokens {self.top_tokens} is below 1.")
