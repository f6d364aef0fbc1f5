"""`detect`: screen, confirm, report. The whole analysis, from a loaded model to one record."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor

from swa.data.sources import TextSource
from swa.data.windows import DetectionWindows, detection_windows
from swa.detect.confirm import Confirmed, confirm
from swa.detect.gradient import GradientScreen, screen_gradients
from swa.detect.losses import LossMeter
from swa.detect.options import DetectOptions
from swa.detect.records import coverage_record, iteration_records, near_miss_records, super_weight_record
from swa.detect.spikes import Address, SpikeScreen, screen_spikes
from swa.detect.suppression import spike_suppression
from swa.engine.batch import automatic_batch_size
from swa.errors import UsageError
from swa.models.loaded import LoadedModel
from swa.progress import Progress, SilentProgress
from swa.schemas.detection import DetectionResult, Screen, SuperWeight, Threshold


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
    if options.confirm and windows is not None:
        with _timed(timings, "confirmation"):
            confirmed = _confirm(
                loaded,
                candidates,
                windows,
                spikes=spikes,
                prompts=prompts,
                options=options,
                progress=progress,
                notes=notes,
            )
    records = [
        super_weight_record(
            loaded, address, spikes=spikes, gradients=gradients, confirmed=confirmed, prompts=options.prompts
        )
        for address in candidates
    ]
    return _result(
        loaded,
        text if windows is not None else None,
        options=options,
        screens=screens,
        skipped=skipped,
        spikes=spikes,
        confirmed=confirmed,
        records=_sorted(records) if confirmed else records,
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
    options: DetectOptions,
    progress: Progress,
    notes: list[str],
) -> Confirmed:
    held_out = windows.confirmation
    batch_size = options.batch_size or automatic_batch_size(
        loaded.sites,
        n_tokens=held_out.shape[1],
        vocabulary=loaded.model.get_output_embeddings().weight.shape[0],
        device=loaded.device,
    )
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
        seed=options.seed,
    )


def _sorted(records: Sequence[SuperWeight]) -> list[SuperWeight]:
    def key(record: SuperWeight) -> float:
        delta = record.confirmation.delta_loss  # type: ignore[union-attr]
        return float("-inf") if delta != delta else -delta  # NaN first: the model broke

    return sorted(records, key=key)


def _result(
    loaded: LoadedModel,
    text: TextSource | None,
    *,
    options: DetectOptions,
    screens: list[Screen],
    skipped: dict[Screen, str],
    spikes: SpikeScreen,
    confirmed: Confirmed | None,
    records: list[SuperWeight],
    notes: list[str],
    timings: dict[str, float],
) -> DetectionResult:
    first = spikes.rounds[0]
    largest = max((min(abs(seen.input_value), abs(seen.output_value)) for seen in first), default=0.0)
    optional: dict[str, Any] = {}
    if text is not None:
        optional |= {"dataset": text.name, "dataset_fingerprint": text.fingerprint}
    if confirmed is not None:
        optional["baseline_loss"] = confirmed.baseline_loss
        if confirmed.combined_delta is not None:
            optional["combined_delta_loss"] = confirmed.combined_delta
    absolute: dict[str, Any] = {} if options.spike_threshold is None else {"value": options.spike_threshold}
    return DetectionResult(
        model=loaded.name,
        revision=loaded.revision,
        weights_fingerprint=loaded.fingerprint,
        architecture=describe_architecture(loaded),
        dtype=str(loaded.dtype).removeprefix("torch."),
        config=_config(options),
        screens=screens,
        screens_skipped={str(screen): reason for screen, reason in skipped.items()},
        threshold=Threshold(
            rule="auto" if options.spike_threshold is None else "absolute",
            largest_activation=largest,
            auto_candidates=[loaded.sites.text(*address) for address in spikes.auto],
            **absolute,
        ),
        prompts=list(options.prompts),
        iterations=iteration_records(loaded, spikes),
        coverage=coverage_record(loaded, spikes),
        near_misses=[] if options.spike_threshold is None else near_miss_records(spikes, options.spike_threshold),
        super_weights=records,
        notes=notes,
        timings=timings,
        environment=_environment(loaded),
        **optional,
    )


def _config(options: DetectOptions) -> dict[str, Any]:
    """The choices under the names of the command line."""
    return {
        "screen": list(options.screens),
        "screen_top": options.screen_top,
        "spike_threshold": "auto" if options.spike_threshold is None else options.spike_threshold,
        "max_iterations": options.max_iterations,
        "prompt": list(options.prompts),
        "no_confirm": not options.confirm,
        "seed": options.seed,
        "batch_size": options.batch_size or "auto",
    }


def _environment(loaded: LoadedModel) -> dict[str, str]:
    return {
        "device": str(loaded.device),
        "n_threads": str(torch.get_num_threads()),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": version("transformers"),
    }


def describe_architecture(loaded: LoadedModel) -> str:
    """Type and layout of a model in a few words."""
    kinds = {site.kind for site in loaded.sites}
    layout = "dense" if "expert" not in kinds else "mixture of experts"
    if {"expert", "mlp_out"} <= kinds:
        layout = "dense and mixture of experts"
    return f"{loaded.model.config.model_type} ({layout}, {loaded.sites.n_layers} layers)"


@contextmanager
def _timed(timings: dict[str, float], phase: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[phase] = round(time.perf_counter() - start, 3)
