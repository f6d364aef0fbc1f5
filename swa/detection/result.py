"""The record of a whole detection."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import torch
from pydantic import MISSING

from swa.data.sources import TextSource
from swa.detection.confirm import Confirmed
from swa.detection.options import DetectOptions
from swa.detection.screening import Screened
from swa.models.loading.loaded import LoadedModel
from swa.models.readout.norms import kind_of_norm
from swa.schemas.choices import Screen
from swa.schemas.detection import DetectionResult, SuperWeight


def detection_result(
    loaded: LoadedModel,
    text: TextSource | None,
    *,
    options: DetectOptions,
    batch_size: int | None,
    skipped: Mapping[Screen, str],
    screened: Screened,
    confirmed: Confirmed | None,
    super_weights: Sequence[SuperWeight],
    notes: Sequence[str],
    timings: Mapping[str, float],
) -> DetectionResult:
    """Put everything together that a detection found, saw and used."""
    optional: dict[str, Any] = {}
    norm = kind_of_norm(loaded.model, loaded.sites.d_model)
    if norm is not None:
        optional["norm"] = norm
    if text is not None:
        optional |= {"dataset": text.name, "dataset_fingerprint": text.fingerprint}
    if confirmed is not None:
        optional["baseline_loss"] = confirmed.baseline_loss
        if confirmed.combined_delta is not None:
            optional["combined_delta_loss"] = confirmed.combined_delta
    of_experts = screened.routing is not MISSING
    return DetectionResult(
        model=loaded.name,
        revision=loaded.revision,
        weights_fingerprint=loaded.fingerprint,
        architecture=describe_architecture(loaded),
        dtype=str(loaded.dtype).removeprefix("torch."),
        config=_config(options, batch_size) | (_expert_config(options) if of_experts else {}),
        screens=[screen for screen in options.screens if screen not in skipped],
        screens_skipped={str(screen): reason for screen, reason in skipped.items()},
        threshold=screened.threshold,
        prompts=list(options.prompts),
        iterations=screened.iterations,
        coverage=screened.coverage,
        near_misses=screened.near_misses,
        super_weights=list(super_weights),
        routing=screened.routing,
        notes=list(notes),
        timings=dict(timings),
        environment=_environment(loaded),
        **optional,
    )


def describe_architecture(loaded: LoadedModel) -> str:
    """Type and layout of a model in a few words."""
    kinds = {site.kind for site in loaded.sites}
    layout = "dense" if "expert" not in kinds else "mixture of experts"
    if {"expert", "mlp_out"} <= kinds:
        layout = "dense and mixture of experts"
    return f"{loaded.model.config.model_type} ({layout}, {loaded.sites.n_layers} layers)"


def _config(options: DetectOptions, batch_size: int | None) -> dict[str, Any]:
    """The choices under the names of the command line; of `auto` what it came to."""
    return {
        "screen": list(options.screens),
        "screen_top": options.screen_top,
        "spike_threshold": "auto" if options.spike_threshold is None else options.spike_threshold,
        "max_iterations": options.max_iterations,
        "prompt": list(options.prompts),
        "no_confirm": not options.confirm,
        "seed": options.seed,
        "batch_size": batch_size or "auto",
    }


def _expert_config(options: DetectOptions) -> dict[str, Any]:
    """The choices that act on mixtures of experts alone."""
    return {
        "router_analysis_samples": options.router_analysis_samples,
        "p_active_floor": options.p_active_floor,
        "co_spike_threshold": options.co_spike_threshold,
        "enable_causal_scoring": options.enable_causal_scoring,
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
