"""The record of a whole detection."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import torch

from swa.data.sources import TextSource
from swa.detection.confirm import Confirmed
from swa.detection.moe.expert_findings import ExpertFindings
from swa.detection.options import DetectOptions
from swa.detection.records import coverage_record, iteration_records, near_miss_records
from swa.detection.spikes import SpikeScreen
from swa.models.loading.loaded import LoadedModel
from swa.models.readout.norms import kind_of_norm
from swa.schemas.choices import Screen
from swa.schemas.detection import DetectionResult, SuperWeight, Threshold


def detection_result(
    loaded: LoadedModel,
    text: TextSource | None,
    *,
    options: DetectOptions,
    batch_size: int | None,
    screens: Sequence[Screen],
    skipped: Mapping[Screen, str],
    spikes: SpikeScreen,
    confirmed: Confirmed | None,
    super_weights: Sequence[SuperWeight],
    experts: ExpertFindings | None,
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
    if experts is not None:
        optional["routing"] = experts.layers()
    threshold = options.spike_threshold
    return DetectionResult(
        model=loaded.name,
        revision=loaded.revision,
        weights_fingerprint=loaded.fingerprint,
        architecture=describe_architecture(loaded),
        dtype=str(loaded.dtype).removeprefix("torch."),
        config=_config(options, batch_size) | (_expert_config(options) if experts else {}),
        screens=list(screens),
        screens_skipped={str(screen): reason for screen, reason in skipped.items()},
        threshold=_threshold(loaded, spikes, threshold),
        prompts=list(options.prompts),
        iterations=iteration_records(loaded, spikes),
        coverage=coverage_record(loaded, spikes),
        near_misses=[] if threshold is None else near_miss_records(spikes, threshold),
        super_weights=list(super_weights),
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


def _threshold(loaded: LoadedModel, spikes: SpikeScreen, value: float | None) -> Threshold:
    first = spikes.rounds[0]
    absolute: dict[str, Any] = {} if value is None else {"value": value}
    return Threshold(
        rule="auto" if value is None else "absolute",
        largest_activation=max((min(abs(seen.input_value), abs(seen.output_value)) for seen in first), default=0.0),
        auto_candidates=[loaded.sites.text(*address) for address in spikes.auto],
        **absolute,
    )


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
