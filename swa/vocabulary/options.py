"""Choices of a vocabulary analysis."""

from __future__ import annotations

from dataclasses import dataclass

from swa.data.scoring import check_windows
from swa.errors import UsageError


@dataclass(frozen=True)
class WindowOptions:
    """How a text is cut into windows (2-methods 2.5).

    Attributes:
        tokens: Scored tokens.
        window_len: Text tokens in a window.
        stride: Step between windows.
        drop_first_token: Leave the first scored target of each window out of every metric.
    """

    tokens: int = 30_000
    window_len: int = 1024
    stride: int = 512
    drop_first_token: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no windows.

        Raises:
            UsageError: A number is too small, or windows would leave tokens out.
        """
        check_windows(self.window_len, self.stride, self.tokens)


@dataclass(frozen=True)
class InterventionOptions:
    """What is measured of each super weight.

    Attributes:
        control_samples: Control scalars, at least one.
        bootstrap: Resamples of windows, 0 for none.
        top_tokens: Tokens kept of each end of the shifts.
        cascade: Whether the removal is followed through the layers.
        seed: Seed of controls and bootstrap.
        batch_size: Windows at once; `None`: by memory.
    """

    control_samples: int = 3
    bootstrap: int = 0
    top_tokens: int = 20
    cascade: bool = False
    seed: int = 42
    batch_size: int | None = None

    def __post_init__(self) -> None:
        """Refuse what measures nothing.

        Raises:
            UsageError: A number is too small.
        """
        if self.control_samples < 1 or self.bootstrap < 0 or self.top_tokens < 1:
            raise UsageError("--control-samples and --top-tokens must be at least 1, --bootstrap at least 0.")
