"""The screens as one item: they run on the same activations, and what they find is known before anything is removed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import MISSING, FiniteFloat
from torch import Tensor

from swa.data.windows import DetectionWindows
from swa.detection.activations import ExpertSearch
from swa.detection.gradient import GradientScreen, screen_gradients
from swa.detection.moe.experts import expert_findings, rejected_note
from swa.detection.options import DetectOptions
from swa.detection.records import (
    coverage_record,
    iteration_records,
    near_miss_records,
    super_weight_record,
    threshold_record,
)
from swa.detection.spikes import SpikeScreen, screen_spikes
from swa.engine.ledger import Item, item_key, model_content
from swa.models.loading.loaded import LoadedModel
from swa.models.unit import Address
from swa.progress import Progress
from swa.schemas.base import Part
from swa.schemas.choices import Screen
from swa.schemas.detection import Coverage, Iteration, NearMiss, SuperWeight, Threshold
from swa.schemas.moe import LayerRouting
from swa.store.ledger import Answer


class Screened(Part):
    """What the screens found."""

    threshold: Threshold
    """The rule of the spike screen, and how near the model came."""
    iterations: list[Iteration]
    """Rounds of the spike screen."""
    coverage: Coverage
    """What was examined."""
    near_misses: list[NearMiss]
    """Sites that came near the threshold."""
    super_weights: list[SuperWeight]
    """All candidates: spikes as found, then gradient scores."""
    shown_by: list[int]
    """By candidate: the number of the text that showed its spike first; 0 where none did."""
    routing: list[LayerRouting] | MISSING = MISSING
    """One entry a layer with routed experts; absent where there are none."""
    notes: list[str]
    """What a reader should know."""
    timings: dict[str, FiniteFloat]
    """Seconds by screen."""

    @classmethod
    def of_answer(cls, answer: Answer) -> Screened:
        """What `Screening.item` kept."""
        return cls.model_validate_json(json.dumps(dict(answer.values)))


@dataclass(frozen=True)
class Screening:
    """The screens of a detection, ready to run.

    Attributes:
        loaded: The model.
        options: The choices.
        screens: The screens that look for candidates.
        prompts: Token ids `(1, n_tokens)` of each prompt.
        windows: The text's windows; the gradient screen needs them.
        search: How routed experts are examined, `None` for dense models.
        progress: Where passes are counted.
    """

    loaded: LoadedModel
    options: DetectOptions
    screens: Sequence[Screen]
    prompts: Sequence[Tensor]
    windows: DetectionWindows | None
    search: ExpertSearch | None
    progress: Progress

    @property
    def texts(self) -> list[Tensor]:
        """Token ids `(1, n_tokens)` of all that is looked at: the prompts, then windows for experts."""
        return [*self.prompts, *(self.search.window_texts(self.loaded.device) if self.search else [])]

    @cached_property
    def item(self) -> Item:
        """All screens; its answer is a `Screened`."""

        def compute(advance: Callable[[], None]) -> Answer:
            screened = self._screened()
            advance()
            return Answer(screened.model_dump(mode="json"))

        return Item(item_key("screens", **model_content(self.loaded), **self._content()), 1, compute)

    def _content(self) -> dict[str, Any]:
        options = self.options
        content: dict[str, Any] = {
            "names": [self.loaded.name, *options.prompts],  # they are in the records
            "prompts": [ids.tolist() for ids in self.prompts],
            "threshold": options.spike_threshold,
            "iterations": self._n_iterations,
        }
        if self._windows is not None:
            content["gradient"] = [options.screen_top, self._windows.n_prefix, self._windows.gradient.tolist()]
        if self.search is not None:
            search = self.search
            content["experts"] = [search.p_active_floor, search.co_spike_threshold]
            content["routing_windows"] = [search.first_window, search.windows.tolist()]
        return content

    @property
    def _n_iterations(self) -> int:
        return self.options.max_iterations if "spike" in self.screens else 0

    @property
    def _windows(self) -> DetectionWindows | None:
        """The windows, where the gradient screen runs on them."""
        return self.windows if "gradient" in self.screens else None

    def _screened(self) -> Screened:
        loaded, search = self.loaded, self.search
        timings: dict[str, float] = {}
        with _timed("spike_screen", timings):
            spikes = screen_spikes(
                loaded,
                self.prompts,
                threshold=self.options.spike_threshold,
                max_iterations=self._n_iterations,
                progress=self.progress,
                search=search,
            )
        gradients: GradientScreen | None = None
        if self._windows is not None:
            with _timed("gradient_screen", timings):
                gradients = self._gradients(self._windows, spikes)
        candidates = list(dict.fromkeys([*spikes.found, *(gradients.top if gradients else [])]))
        experts = expert_findings(loaded, candidates, self.texts, spikes=spikes, search=search) if search else None
        names = [*self.options.prompts, *(search.window_names if search else [])]
        note = rejected_note(loaded, spikes, search) if search else None
        return Screened(
            threshold=threshold_record(loaded, spikes),
            iterations=iteration_records(loaded, spikes),
            coverage=coverage_record(loaded, spikes),
            near_misses=near_miss_records(spikes),
            super_weights=[
                super_weight_record(loaded, address, spikes=spikes, gradients=gradients, prompts=names, experts=experts)
                for address in candidates
            ],
            shown_by=[_first_text(spikes, address) for address in candidates],
            routing=experts.layers() if experts else MISSING,
            notes=[note] if note else [],
            timings=timings,
        )

    def _gradients(self, windows: DetectionWindows, spikes: SpikeScreen) -> GradientScreen:
        return screen_gradients(
            self.loaded,
            windows.gradient,
            n_prefix=windows.n_prefix,
            keep=self.options.screen_top,
            also=list(spikes.found),
            progress=self.progress,
            excluded=spikes.excluded,
        )


def _first_text(spikes: SpikeScreen, address: Address) -> int:
    spike = spikes.found.get(address)
    return spike.prompts[0] if spike else 0


@contextmanager
def _timed(phase: str, timings: dict[str, float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[phase] = round(time.perf_counter() - start, 3)
