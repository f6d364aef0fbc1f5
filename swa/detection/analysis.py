"""`detect`: screen, confirm, report. The whole analysis, from a loaded model to one record."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from torch import Tensor

from swa.data.sources import TextSource
from swa.data.windows import DetectionWindows, detection_windows
from swa.detection.activations import ExpertSearch
from swa.detection.confirm import Confirmed, confirm
from swa.detection.extremes import Address
from swa.detection.gradient import GradientScreen, screen_gradients
from swa.detection.losses import LossMeter
from swa.detection.moe.expert_findings import ExpertFindings
from swa.detection.moe.experts import causal_scores, expert_findings, expert_search, has_experts
from swa.detection.options import DetectOptions
from swa.detection.records import super_weight_record
from swa.detection.result import detection_result
from swa.detection.spikes import SpikeScreen, screen_spikes
from swa.detection.suppression import spike_suppression
from swa.engine.variants.batch import automatic_batch_size
from swa.errors import UsageError
from swa.findings.order import badness
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress, SilentProgress
from swa.schemas.detection import DetectionResult, Screen, SuperWeight


def detect(
    loaded: LoadedModel,
    text: TextSource | None,
    *,
    options: DetectOptions | None = None,
    progress: Progress | None = None,
) -> DetectionResult:
    """Find the super weights of a model (2-methods 2.1 to 2.3).

    Args:
        loaded: The model. Its weights are the same to the bit afterwards.
        text: Text for the gradient screen, the confirmation, and the routing and causal scores of experts; `None` only
            where none of them but the routing is wanted, which then is watched on the prompts.
        options: The choices; the defaults are those of the command line.
        progress: Where the work is reported.

    Raises:
        UsageError: The text is too short, or a text is needed and none is given.
        UnsupportedModelError: The model computes from copies of its weights.
    """
    options, progress = options or DetectOptions(), progress or SilentProgress()
    return _Detection(loaded, text, options=options, progress=progress).run()


def prompt_ids(loaded: LoadedModel, prompt: str) -> Tensor:
    """Token ids `(1, n_tokens)` of a prompt, with the special tokens that the tokenizer itself adds.

    Raises:
        UsageError: The prompt has no token, or more than the model takes.
    """
    ids: Tensor = loaded.tokenizer(prompt, return_tensors="pt")["input_ids"]
    if ids.numel() == 0:
        raise UsageError("A --prompt is empty.", hint="Give a sentence; a few words are enough.")
    if ids.shape[1] > loaded.context_length:
        raise UsageError(f"A --prompt has {ids.shape[1]} tokens; the model takes {loaded.context_length}.")
    return ids.to(loaded.device)


@dataclass
class _Detection:
    """One detection: what all its steps need, and what they tell of themselves."""

    loaded: LoadedModel
    text: TextSource | None
    options: DetectOptions = field(kw_only=True)
    progress: Progress = field(kw_only=True)
    timings: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def run(self) -> DetectionResult:
        """All steps, and the record of them."""
        loaded, options = self.loaded, self.options
        skipped = self._impossible_screens()
        screens: list[Screen] = [screen for screen in options.screens if screen not in skipped]
        for screen, reason in skipped.items():
            self.progress.warn(f"The {screen} screen is left out: {reason}")
        scores_causes = options.enable_causal_scoring and has_experts(loaded)
        measures = options.confirm or scores_causes
        windows = self._windows(needed=measures or "gradient" in screens)
        batch_size = (options.batch_size or self._batch_size(windows)) if measures and windows else None

        prompts = [prompt_ids(loaded, prompt) for prompt in options.prompts]
        search: ExpertSearch | None = None
        with self._timed("spike_screen"):
            if has_experts(loaded):
                search = expert_search(loaded, self.text, prompts, options=options, notes=self.notes)
            spikes = self._spikes(prompts, search, wanted="spike" in screens)
        texts = [*prompts, *(search.window_texts(loaded.device) if search else [])]
        gradients = self._gradients(windows, spikes) if "gradient" in screens and windows else None
        candidates = list(dict.fromkeys([*spikes.found, *(gradients.top if gradients else [])]))
        confirmed: Confirmed | None = None
        if options.confirm and windows and batch_size:
            confirmed = self._confirm(candidates, windows, spikes=spikes, texts=texts, batch_size=batch_size)
        experts: ExpertFindings | None = None
        if search is not None:
            causes = windows if scores_causes else None
            experts = self._experts(candidates, texts, spikes, search, windows=causes, batch_size=batch_size or 1)
        names = [*options.prompts, *(search.window_names if search else [])]
        records = [
            super_weight_record(
                loaded, address, spikes=spikes, gradients=gradients, confirmed=confirmed, prompts=names, experts=experts
            )
            for address in candidates
        ]
        return detection_result(
            loaded,
            self.text if windows or search else None,
            options=options,
            batch_size=batch_size,
            screens=screens,
            skipped=skipped,
            spikes=spikes,
            confirmed=confirmed,
            super_weights=_sorted(records) if confirmed else records,
            experts=experts,
            notes=self.notes,
            timings=self.timings,
        )

    def _impossible_screens(self) -> dict[Screen, str]:
        if self.loaded.offloaded and "gradient" in self.options.screens:
            return {"gradient": "offloaded weights have no gradient; spikes alone are sought"}
        return {}

    def _windows(self, *, needed: bool) -> DetectionWindows | None:
        if not needed:
            return None
        if self.text is None:
            raise UsageError(
                "The gradient screen, the confirmation and causal scoring need a text.", hint="Name one with --dataset."
            )
        return detection_windows(self.loaded.tokenizer, self.text, context_length=self.loaded.context_length)

    def _batch_size(self, windows: DetectionWindows) -> int:
        return automatic_batch_size(
            self.loaded.sites,
            n_tokens=windows.confirmation.shape[1],
            vocabulary=self.loaded.model.get_output_embeddings().weight.shape[0],
            device=self.loaded.device,
        )

    def _spikes(self, prompts: Sequence[Tensor], search: ExpertSearch | None, *, wanted: bool) -> SpikeScreen:
        return screen_spikes(
            self.loaded,
            prompts,
            threshold=self.options.spike_threshold,
            max_iterations=self.options.max_iterations if wanted else 0,
            progress=self.progress,
            search=search,
        )

    def _gradients(self, windows: DetectionWindows, spikes: SpikeScreen) -> GradientScreen:
        with self._timed("gradient_screen"):
            return screen_gradients(
                self.loaded,
                windows.gradient,
                n_prefix=windows.n_prefix,
                keep=self.options.screen_top,
                also=list(spikes.found),
                progress=self.progress,
                excluded=spikes.excluded,
            )

    def _confirm(
        self,
        candidates: Sequence[Address],
        windows: DetectionWindows,
        *,
        spikes: SpikeScreen,
        texts: Sequence[Tensor],
        batch_size: int,
    ) -> Confirmed:
        with self._timed("confirmation"):
            meter = LossMeter(
                self.loaded,
                batch_size=batch_size,
                n_prefix=windows.n_prefix,
                progress=self.progress,
                notes=self.notes,
            )
            return confirm(
                self.loaded,
                candidates,
                windows.confirmation,
                meter=meter,
                suppression=spike_suppression(self.loaded, candidates, spikes, texts),
                seed=self.options.seed,
            )

    def _experts(
        self,
        candidates: Sequence[Address],
        texts: Sequence[Tensor],
        spikes: SpikeScreen,
        search: ExpertSearch,
        *,
        windows: DetectionWindows | None,
        batch_size: int,
    ) -> ExpertFindings:
        """Findings about experts; with causal scores where windows are given."""
        findings = expert_findings(self.loaded, candidates, texts, spikes=spikes, search=search, notes=self.notes)
        if windows is None:
            return findings
        with self._timed("causal_scoring"):
            causal = causal_scores(
                self.loaded,
                candidates,
                windows,
                layers=search.layers,
                batch_size=batch_size,
                progress=self.progress,
                notes=self.notes,
            )
        return replace(findings, causal=causal)

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.timings[phase] = round(time.perf_counter() - start, 3)


def _sorted(records: Sequence[SuperWeight]) -> list[SuperWeight]:
    def key(record: SuperWeight) -> tuple[bool, float]:
        return badness(record.confirmation.delta_loss)  # type: ignore[union-attr]

    return sorted(records, key=key, reverse=True)
