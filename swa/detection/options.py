"""The choices of a detection."""

from __future__ import annotations

from dataclasses import dataclass

from swa.schemas.detection import Screen

DEFAULT_PROMPT = "Apple Inc. is a worldwide tech company."


@dataclass(frozen=True)
class DetectOptions:
    """The choices of a detection (2-methods 2.1 and 2.2).

    Attributes:
        screens: Which screens look for candidates.
        screen_top: Gradient candidates kept, over all sites.
        spike_threshold: |input| and |output| must both exceed it; `None` is the scale-free rule `auto`.
        max_iterations: Rounds of the spike screen at most.
        prompts: Texts in which spikes are sought.
        confirm: Whether candidates are removed one by one on held-out text.
        seed: Seed of the bootstrap.
        batch_size: Windows in one forward pass; `None` chooses from the machine's memory.
    """

    screens: tuple[Screen, ...] = ("spike", "gradient")
    screen_top: int = 64
    spike_threshold: float | None = 50.0
    max_iterations: int = 10
    prompts: tuple[str, ...] = (DEFAULT_PROMPT,)
    confirm: bool = True
    seed: int = 42
    batch_size: int | None = None
