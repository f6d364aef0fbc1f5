"""`detect`: screen, confirm, report. The whole analysis, from a loaded model to one record."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor

from swa.data.sources import TextSource
from swa.data.windows import DetectionWindows, detection_windows
from swa.detection.confirm import Confirmed, confirm
from swa.detection.gradient import GradientScreen, screen_gradients
from swa.detection.losses import LossMeter
from swa.detection.options import DetectOptions
from swa.detection.records import super_weight_record
from swa.detection.result import detection_result
from swa.detection.spikes import Address, SpikeScreen, screen_spikes
from swa.detection.suppression import spike_suppression
from swa.engine.batch import automatic_batch_size
from swa.errors import UsageError
from swa.models.loaded import LoadedModel
from swa.progress import Progress, SilentProgress
from swa.schemas.detection import DetectionResult, Screen, SuperWeight


def detect(
    loaded: LoadedModel,
    text: TextSource | None,
    *,
    options: DetectOptions | None = None,
    progress: Progress | None = None,
) -> DetectionResult:
    """Find the super weights of a model (2-methods 2.1 and 2.2).

    Args:
        loaded: The model. Its weights are the same to the bit afterwards.
        text: Text for the gradient screen and the confirmation; `None` only where neither runs.
        options: The choices; the defaults are those of the command line.
        progress: Where the work is reported.

    Raises:
        UsageError: The text is too short, or a text is needed and none is given.
        UnsupportedModelError: The model computes from copies of its weights.
    """
    options = options or DetectOptions()
    progress = progress or SilentProgress()
    timings: dict[str, float] = {}
    notes: list[str] = []
    skipped = _impossible_screens(loaded, options)
    screens: list[Screen] = [screen for screen in options.screens if screen not in skipped]
    for screen, reason in skipped.items():
        progress.warn(f"The {screen} screen is left out: {reason}")
    windows = _windows(loaded, text, needed=options.confirm or "gradient" in screens)

    prompts = [prompt_ids(loaded, prompt) for prompt in options.prompts]
    with _timed(timings, "spike_screen"):
        spikes = screen_spikes(
            loaded,
            prompts,
            threshold=options.spike_threshold,
            max_iterations=options.max_iterations if "spike" in screens else 0,
            progress=progress,
        )
    gradients: GradientScreen | None = None
    if "gradient" in screens and windows is not None:
        with _timed(timings, "gradient_screen"):
            gradients = screen_gradients(
                loaded,
                windows.gradient,
                n_prefix=windows.n_prefix,
                keep=options.screen_top,
                also=list(spikes.found),
                progress=progress,
            )
    candidates = list(dict.fromkeys([*spikes.found, *(gradients.top if gradients else [])]))
    confirmed: Confirmed | None = None
    batch_size: int | None = None
    if options.confirm and windows is not None:
        batch_size = options.batch_size or _batch_size(loaded, windows)
        with _timed(timings, "confirmation"):
            confirmed = _confirm(
                loaded,
                candidates,
                windows,
                spikes=spikes,
                prompts=prompts,
                seed=options.seed,
                batch_size=batch_size,
                progress=progress,
                notes=notes,
            )
    records = [
        super_weight_record(
            loaded, address, spikes=spikes, gradients=gradients, confirmed=confirmed, prompts=options.prompts
        )
        for address in candidates
    ]
    return detection_result(
        loaded,
        text if windows is not None else None,
        options=options,
        batch_size=batch_size,
        screens=screens,
        skipped=skipped,
        spikes=spikes,
        confirmed=confirmed,
        super_weights=_sorted(records) if confirmed else records,
        notes=notes,
        timings=timings,
    )


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


def _impossible_screens(loaded: LoadedModel, options: DetectOptions) -> dict[Screen, str]:
    if loaded.offloaded and "gradient" in options.screens:
        return {"gradient": "offloaded weights have no gradient; spikes alone are sought"}
    return {}


def _windows(loaded: LoadedModel, text: TextSource | None, *, needed: bool) -> DetectionWindows | None:
    if not needed:
        return None
    if text is None:
        raise UsageError("The gradient screen and the confirmation need a text.", hint="Name one with --dataset.")
    return detection_windows(loaded.tokenizer, text, context_length=loaded.context_length)


def _confirm(
    loaded: LoadedModel,
    candidates: Sequence[Address],
    windows: DetectionWindows,
    *,
    spikes: SpikeScreen,
    prompts: Sequence[Tensor],
    seed: int,
    batch_size: int,
    progress: Progress,
    notes: list[str],
) -> Confirmed:
    held_out = windows.confirmation
    meter = LossMeter(
        loaded,
        batch_size=batch_size,
        n_prefix=windows.n_prefix,
        progress=progress,
        notes=notes,
    )
    return confirm(
        loaded,
        candidates,
        held_out,
        meter=meter,
        suppression=spike_suppression(loaded, candidates, spikes, prompts),
        seed=seed,
    )


def _batch_size(loaded: LoadedModel, windows: DetectionWindows) -> int:
    return automatic_batch_size(
        loaded.sites,
        n_tokens=windows.confirmation.shape[1],
        vocabulary=loaded.model.get_output_embeddings().weight.shape[0],
        device=loaded.device,
    )


def _sorted(records: Sequence[SuperWeight]) -> list[SuperWeight]:
    def key(record: SuperWeight) -> float:
        delta = record.confirmation.delta_loss  # type: ignore[union-attr]
        return float("-inf") if delta != delta else -delta  # NaN first: the model broke

    return sorted(records, key=key)


@contextmanager
def _timed(timings: dict[str, float], phase: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[phase] = round(time.perf_counter() - start, 3)
