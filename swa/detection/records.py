"""From what the screens measured to records."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from swa.detection.extremes import Attribution, Extremes, describe
from swa.detection.given import record_of
from swa.detection.gradient import GradientScreen
from swa.detection.moe.expert_findings import ExpertFindings
from swa.detection.spikes import Spike, SpikeScreen
from swa.models.discovery.sites import Site
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.weights import matrix_of
from swa.models.unit import Address
from swa.schemas.choices import Screen
from swa.schemas.detection import (
    Coverage,
    ExtremePair,
    Iteration,
    NearMiss,
    SiteExtremes,
    SuperWeight,
    Threshold,
)

N_NEAR_MISSES = 10


def super_weight_record(
    loaded: LoadedModel,
    address: Address,
    *,
    spikes: SpikeScreen,
    gradients: GradientScreen | None,
    prompts: Sequence[str],
    experts: ExpertFindings | None = None,
) -> SuperWeight:
    """Everything that the screens say of one candidate.

    Args:
        loaded: The model.
        address: Site, row and column.
        spikes: The spike screen.
        gradients: The gradient screen, where it ran.
        prompts: What the numbers of texts in `spikes` stand for.
        experts: Findings about routed experts; `None` for dense models.
    """
    site, row, col = address
    spike = spikes.found.get(address)
    of_expert = experts if site.kind == "expert" else None
    values: Attribution | None
    if spike is not None:
        values = spike.attribution
    else:
        values = of_expert.values(address) if of_expert else _on_prompts(loaded, address, spikes)
    found_by: list[Screen] = ["spike"] if spike else []
    optional: dict[str, Any] = {}
    if gradients is not None:
        if address in gradients.top:
            found_by.append("gradient")
        scored = gradients.scores[address]
        optional |= {
            "gradient_score": scored.score,
            "gradient_rank": scored.rank,
            "predicted_delta_loss": scored.mean,
        }
    if values is not None:
        optional |= {
            "input_value": values.input_value,
            "output_value": values.output_value,
            "residual_value": values.added_value,
            "input_position": values.input_position,
            "output_position": values.output_position,
            "share": values.share,
        }
    if spike is not None:
        optional |= {"iteration": spike.iteration, "extreme_pair": _extreme_pair(spike)}
    if of_expert is not None:
        optional["moe"] = of_expert.block(address, spike)
    return record_of(
        loaded,
        site,
        row,
        col,
        prompts=[prompts[index] for index in spike.prompts] if spike else [],
        found_by=found_by,
        **optional,
    )


def _on_prompts(loaded: LoadedModel, address: Address, spikes: SpikeScreen) -> Attribution | None:
    """Values at the token of the prompts where |w·x[col]| is largest; `None` where no token reached the site."""
    site, row, col = address
    weight = matrix_of(loaded.model, site)
    best: Attribution | None = None
    for activations in spikes.intact:
        activation = activations.sites.get(site)
        if activation is None:
            continue
        row_index = int(activation.x[:, col].float().abs().argmax())
        seen = describe(activation, weight, row_index=row_index, channel=row, col=col)
        if best is None or abs(seen.input_value) > abs(best.input_value):
            best = seen
    return best


def _extreme_pair(spike: Spike) -> ExtremePair:
    row, col = spike.extremes.output_channel, spike.extremes.input_channel
    return ExtremePair(row=row, col=col, differs=(row, col) != spike.address.place)


def iteration_records(loaded: LoadedModel, spikes: SpikeScreen) -> list[Iteration]:
    """One record a round; of several prompts and of a layer's experts the largest output is kept."""
    records = []
    for number, extremes in enumerate(spikes.rounds, start=1):
        largest: dict[tuple[str, str], Extremes] = {}
        for seen in extremes:
            place = (seen.site.module, seen.site.parameter)
            if place not in largest or abs(seen.output_value) > abs(largest[place].output_value):
                largest[place] = seen
        new = [spike for spike in spikes.found.values() if spike.iteration == number]
        records.append(
            Iteration(
                number=number,
                layers=[_site_extremes(seen, spikes.threshold) for seen in largest.values()],
                new_candidates=[loaded.sites.text(*spike.address) for spike in new],
            )
        )
    return records


def _site_extremes(seen: Extremes, threshold: float | None) -> SiteExtremes:
    return SiteExtremes(
        layer=seen.site.layer,
        module=seen.site.module,
        site=seen.site.kind,
        expert=seen.site.expert,
        prompt=seen.prompt,
        input_value=seen.input_value,
        input_channel=seen.input_channel,
        input_position=seen.input_position,
        output_value=seen.output_value,
        output_channel=seen.output_channel,
        output_position=seen.output_position,
        attributed_col=seen.spike.col,
        weight=seen.spike.weight,
        share=seen.spike.share,
        added_value=seen.added.added_value,
        residual_median=seen.residual_median,
        spikes=seen.passes(threshold),
    )


def threshold_record(loaded: LoadedModel, spikes: SpikeScreen) -> Threshold:
    """The rule of the spike screen, and how near the model came to it."""
    first = spikes.rounds[0]
    absolute: dict[str, Any] = {} if spikes.threshold is None else {"value": spikes.threshold}
    return Threshold(
        rule="auto" if spikes.threshold is None else "absolute",
        largest_activation=max((min(abs(seen.input_value), abs(seen.output_value)) for seen in first), default=0.0),
        auto_candidates=[loaded.sites.text(*address) for address in spikes.auto],
        **absolute,
    )


def coverage_record(loaded: LoadedModel, spikes: SpikeScreen) -> Coverage:
    """Which of the model's down projections were measured."""
    sites = loaded.sites
    reached = {seen.site for seen in spikes.rounds[0]} - set(spikes.excluded)
    experts = [site for site in sites if site.kind == "expert"]
    n_reached_experts = sum(site in reached for site in experts)
    n_mlps, n_reached_mlps = len(sites) - len(experts), len(reached) - n_reached_experts
    parts = [f"{n_reached_mlps}/{n_mlps} MLP sites"] if n_mlps else []
    if experts:
        parts.append(f"{n_reached_experts}/{len(experts)} experts")
    return Coverage(
        text=f"examined {' and '.join(parts)}",
        n_sites=len(sites),
        n_examined=len(reached),
        n_experts=len(experts),
        n_experts_examined=n_reached_experts,
        n_layers=sites.n_layers,
        not_examined=[
            f"L{site.layer}.{site.inner}: {spikes.excluded.get(site, 'no token of the prompts reached it')}"
            for site in sites
            if site not in reached
        ],
    )


def near_miss_records(spikes: SpikeScreen) -> list[NearMiss]:
    """Sites whose extremes both pass half the threshold in round 1, but do not spike; none by the rule `auto`."""
    threshold = spikes.threshold
    if threshold is None:
        return []
    examined = [seen for seen in spikes.rounds[0] if seen.site not in spikes.excluded]
    near = [seen for seen in examined if seen.passes(threshold / 2) and not seen.passes(threshold)]
    near.sort(key=lambda seen: -min(abs(seen.input_value), abs(seen.output_value)))
    near = _experts_once(near, spiking={seen.site for seen in examined if seen.passes(threshold)})
    return [
        NearMiss(
            layer=seen.site.layer,
            module=seen.site.module,
            expert=seen.site.expert,
            input_value=seen.input_value,
            output_value=seen.output_value,
        )
        for seen in near[:N_NEAR_MISSES]
    ]


def _experts_once(near: Sequence[Extremes], *, spiking: Container[Site]) -> list[Extremes]:
    """Experts are seen on many texts: each is kept once, and not at all where another text shows a spike."""
    kept: list[Extremes] = []
    listed: set[Site] = set()
    for seen in near:
        if seen.site.kind != "expert" or (seen.site not in listed and seen.site not in spiking):
            kept.append(seen)
            listed.add(seen.site)
    return kept
