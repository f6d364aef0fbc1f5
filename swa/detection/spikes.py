"""The spike screen: remove what spikes, look again, until nothing new shows (Yu et al., arXiv 2411.07191, 3.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from swa.detection.activations import ExpertSearch, Look, look
from swa.detection.extremes import Attribution, Extremes
from swa.detection.moe.co_spike import watch_scalars
from swa.detection.moe.routing_statistics import LayerStatistics, excluded_experts, routing_statistics
from swa.engine.capture.capture import Activations
from swa.engine.capture.routing import Gate
from swa.engine.variants.interventions import ScaleEntries, applied
from swa.models.discovery.sites import Site
from swa.models.loading.loaded import LoadedModel
from swa.models.unit import Address
from swa.progress import Progress


@dataclass
class Spike:
    """A candidate of the spike screen.

    Attributes:
        site: The down projection.
        attribution: Its values when it was found.
        extremes: The site's extremes then.
        iteration: Round in which it was found, from 1.
        prompts: Numbers of the texts that showed it: the prompts, then the windows of `ExpertSearch`.
        co_spike: Co-spike score then, of experts only.
        gate: How the token of the spike was sent to the expert, where that can be read.
    """

    site: Site
    attribution: Attribution
    extremes: Extremes
    iteration: int
    prompts: list[int]
    co_spike: float | None = None
    gate: Gate | None = None

    @property
    def address(self) -> Address:
        """Site, row, column."""
        return Address(self.site, self.attribution.row, self.attribution.col)


@dataclass
class SpikeScreen:
    """What the spike screen saw.

    Attributes:
        threshold: Its threshold; `None` for the scale-free rule.
        rounds: Extremes of every reached site by round, on every prompt and (of experts) on the windows worth keeping.
        found: Candidates by address, in the order they were found.
        auto: What the scale-free rule finds in the first round.
        intact: The first round's forward passes, one a prompt.
        routing: Statistics of the routed layers in the first round: on the windows, without any on the prompts.
        excluded: Experts that are not examined, with the reason.
        rejected: Co-spike scores of what spikes in an expert and is no candidate.
    """

    threshold: float | None
    rounds: list[list[Extremes]] = field(default_factory=list)
    found: dict[Address, Spike] = field(default_factory=dict)
    auto: list[Address] = field(default_factory=list)
    intact: list[Activations] = field(default_factory=list)
    routing: list[LayerStatistics] = field(default_factory=list)
    excluded: dict[Site, str] = field(default_factory=dict)
    rejected: dict[Address, float] = field(default_factory=dict)


def screen_spikes(
    loaded: LoadedModel,
    prompts: Sequence[Tensor],
    *,
    threshold: float | None,
    max_iterations: int,
    progress: Progress,
    search: ExpertSearch | None = None,
) -> SpikeScreen:
    """Zero what spikes and look again.

    Args:
        loaded: The model; its weights are restored to the bit on leaving, by whatever way.
        prompts: Token ids `(1, n_tokens)` of each prompt.
        threshold: Both extremes must exceed it; `None` for the scale-free rule.
        max_iterations: Rounds at most; 0 looks once and takes no candidates.
        progress: Where rounds are counted.
        search: What routed experts need; without it they are treated like dense MLPs.
    """
    screen = SpikeScreen(threshold)
    n_rounds = max(1, max_iterations)
    with progress.task("Looking for spikes", n_rounds) as task:
        for number in range(1, n_rounds + 1):
            zeroed = [ScaleEntries(site, row, col) for site, row, col in screen.found]
            seen = look(loaded, prompts, zeroed, threshold=threshold, search=search)
            if number == 1:
                _first_round(screen, seen, search)
            screen.rounds.append(seen.extremes)
            task.advance()
            spiking = [one for one in seen.extremes if one.passes(threshold) and one.site not in screen.excluded]
            if max_iterations == 0 or not spiking:
                break
            scores: dict[Address, float] = {}
            if search is not None:
                scores = _co_spikes(loaded, spiking, prompts, zeroed, threshold=threshold, search=search)
                low = {address: score for address, score in scores.items() if not score > search.co_spike_threshold}
                screen.rejected |= low
                spiking = [one for one in spiking if _address(one, threshold) not in low]
            if not _collect(screen, spiking, seen, scores, number=number):
                break
    return screen


def _first_round(screen: SpikeScreen, seen: Look, search: ExpertSearch | None) -> None:
    """What only the intact model tells: routing, and what the scale-free rule would find."""
    screen.intact = seen.passes
    if search is not None:
        first = len(seen.passes) if len(search.windows) else 0
        screen.routing = routing_statistics(search.layers, seen.routings[first:], seen.lengths[first:])
        screen.excluded = excluded_experts(screen.routing, seen.routings, search.p_active_floor)
    examined = (one for one in seen.extremes if one.site not in screen.excluded)
    screen.auto = list(dict.fromkeys(_address(one, None) for one in examined if one.passes(None)))


def _co_spikes(
    loaded: LoadedModel,
    spiking: Sequence[Extremes],
    prompts: Sequence[Tensor],
    zeroed: Sequence[ScaleEntries],
    *,
    threshold: float | None,
    search: ExpertSearch,
) -> dict[Address, float]:
    """Co-spike scores of what spikes in experts, over all texts, with the same scalars removed."""
    addresses = list(dict.fromkeys(_address(one, threshold) for one in spiking if one.site.kind == "expert"))
    texts = [*prompts, *search.window_texts(loaded.device)]
    with applied(loaded, zeroed):
        watched = watch_scalars(loaded, addresses, texts, layers=search.layers)
    return {address: sums.co_spike for address, sums in watched.items()}


def _collect(
    screen: SpikeScreen, spiking: Sequence[Extremes], seen: Look, scores: Mapping[Address, float], *, number: int
) -> bool:
    """Add what spikes; whether anything is new."""
    any_new = False
    for one in spiking:
        attribution = one.candidate(screen.threshold)
        address = _address(one, screen.threshold)
        if address not in screen.found:
            gate = seen.gate_at(one.site, one.prompt, attribution.output_position)
            screen.found[address] = Spike(one.site, attribution, one, number, [one.prompt], scores.get(address), gate)
            any_new = True
        elif screen.found[address].iteration == number:
            screen.found[address].prompts.append(one.prompt)
    return any_new


def _address(seen: Extremes, threshold: float | None) -> Address:
    attribution = seen.candidate(threshold)
    return Address(seen.site, attribution.row, attribution.col)
