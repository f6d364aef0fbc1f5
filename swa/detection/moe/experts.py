"""Routed experts in a detection: what to look at, and what was found. Dense models never come here."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from swa.data.function_words import stopword_ids
from swa.data.sources import TextSource
from swa.data.windows import DetectionWindows, routing_windows
from swa.detection.activations import ExpertSearch
from swa.detection.moe.causal import N_CAUSAL_WINDOWS, CausalMeter
from swa.detection.moe.co_spike import watch_scalars
from swa.detection.moe.expert_findings import ExpertFindings
from swa.detection.moe.super_experts import largest_outputs, super_experts
from swa.detection.options import DetectOptions
from swa.detection.spikes import SpikeScreen
from swa.engine.ledger import Ledger
from swa.engine.variants.batch import TokenBatch
from swa.models.loading.loaded import LoadedModel
from swa.models.routing.layers import RoutedLayer, find_routed_layers
from swa.models.unit import Address
from swa.progress import Progress

N_NAMED = 5
"""Coordinates that a note names."""


def has_experts(loaded: LoadedModel) -> bool:
    """Whether any layer routes tokens to experts."""
    return any(site.kind == "expert" for site in loaded.sites)


def expert_search(
    loaded: LoadedModel, text: TextSource | None, prompts: Sequence[Tensor], *, options: DetectOptions, notes: list[str]
) -> ExpertSearch:
    """How the experts of a model are examined.

    Args:
        loaded: A model with routed experts.
        text: Where the routing windows come from; without it the prompts have to do.
        prompts: Token ids `(1, n_tokens)`.
        options: The choices of the detection.
        notes: Takes what a reader should know.
    """
    layers = find_routed_layers(loaded.model, loaded.sites.sites, prompts[0])
    unreadable = [layer.text for layer in layers if layer.point is None]
    if unreadable:
        notes.append(
            f"The routing of {_some(unreadable)} could not be read; selections are those of the captured rows, and "
            "gate weights and forced routing are left out."
        )
    windows, first = torch.zeros((0, 0), dtype=torch.int64), 0
    if text is None:
        notes.append("Without a text, experts were watched on the prompts alone.")
    else:
        chosen = routing_windows(
            loaded.tokenizer,
            text,
            context_length=loaded.context_length,
            n_windows=options.router_analysis_samples,
        )
        windows, first = chosen.ids, chosen.first
        notes += [chosen.note] if chosen.note else []
    return ExpertSearch(
        layers=tuple(layers),
        windows=windows,
        first_window=first,
        p_active_floor=options.p_active_floor,
        co_spike_threshold=options.co_spike_threshold,
    )


def expert_findings(
    loaded: LoadedModel,
    candidates: Sequence[Address],
    texts: Sequence[Tensor],
    *,
    spikes: SpikeScreen,
    search: ExpertSearch,
) -> ExpertFindings:
    """Everything about the experts of the candidates but causal scores.

    Args:
        loaded: The model, intact.
        candidates: Addresses of all candidates.
        texts: Token ids `(1, n_tokens)`: the prompts, then the windows.
        spikes: The spike screen.
        search: How experts were examined.
    """
    outputs = largest_outputs(spikes.rounds[0])
    quiet = [address for address in candidates if address.site.kind == "expert" and address not in spikes.found]
    return ExpertFindings(
        routing=spikes.routing,
        outputs=outputs,
        super_experts=frozenset(super_experts(outputs, loaded.sites)),
        watched=watch_scalars(loaded, quiet, texts, layers=search.layers),
    )


def rejected_note(loaded: LoadedModel, spikes: SpikeScreen, search: ExpertSearch) -> str | None:
    """A sentence about spikes in experts that are no candidates."""
    rejected = [(address, score) for address, score in spikes.rejected.items() if address not in spikes.found]
    if not rejected:
        return None
    named = [f"{loaded.sites.text(*address)} ({score:.2g})" for address, score in rejected]
    return (
        f"Spikes in experts that are no candidates, because their co-spike score is not above "
        f"{search.co_spike_threshold:g}: {_some(named)}."
    )


def causal_meter(
    loaded: LoadedModel,
    windows: DetectionWindows,
    *,
    layers: Sequence[RoutedLayer],
    batch_size: int,
    progress: Progress,
    ledger: Ledger,
) -> CausalMeter:
    """Measures causal scores on the first windows of the confirmation.

    Args:
        loaded: The model.
        windows: The text's windows.
        layers: The routed layers.
        batch_size: Windows in one forward pass.
        progress: Where fallbacks are told.
        ledger: Where answers are kept.
    """
    ids = stopword_ids(loaded.tokenizer)
    batch = TokenBatch.all_scored(windows.confirmation[:N_CAUSAL_WINDOWS], n_prefix=windows.n_prefix)
    return CausalMeter(
        loaded=loaded,
        layers=layers,
        batches=batch.split(batch_size),
        stopword_ids=torch.tensor(ids) if ids else None,
        progress=progress,
        ledger=ledger,
    )


def _some(names: Sequence[str]) -> str:
    """The first few of a list of names, and how many there are."""
    shown = ", ".join(names[:N_NAMED])
    return shown if len(names) <= N_NAMED else f"{shown} and {len(names) - N_NAMED} more"
