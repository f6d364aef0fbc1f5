"""The choices of a detection."""

from __future__ import annotations

from dataclasses import dataclass

from swa.schemas.detection import Screen

DEFAULT_PROMPT = "Apple Inc. is a worldwide tech company."


@dataclass(frozen=True)
class DetectOptions:
    """The choices of a detection (2-methods 2.1 to 2.3).

    Attributes:
        screens: Which screens look for candidates.
        screen_top: Gradient candidates kept, over all sites.
        spike_threshold: |input| and |output| must both exceed it; `None` is the scale-free rule `auto`.
        max_iterations: Rounds of the spike screen at most.
        prompts: Texts in which spikes are sought.
        confirm: Whether candidates are removed one by one on held-out text.
        seed: Seed of the bootstrap.
        batch_size: Windows in one forward pass; `None` chooses from the machine's memory.
        router_analysis_samples: Windows on which routed experts are watched.
        p_active_floor: Experts that a smaller share of the tokens selects are not examined.
        co_spike_threshold: What the co-spike score of an expert's spike must exceed to make a candidate.
        enable_causal_scoring: Whether candidates in experts are removed under natural and forced routing.
    """

    screens: tuple[Screen, ...] = ("spike", "gradient")
    screen_top: int = 64
    spike_threshold: float | None = 50.0
    max_iterations: int = 10
    prompts: tuple[str, ...] = (DEFAULT_PROMPT,)
    confirm: bool = True
    seed: int = 42
    batch_size: int | None = None
    router_analysis_samples: int = 10
    p_active_floor: float = 0.01
    co_spike_threshold: float = 0.12
    enable_causal_scoring: bool = False
