"""The spike screen: remove what spikes, look again, until nothing new shows (Yu et al., arXiv 2411.07191, 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from swa.detection.extremes import Attribution, Extremes, find_extremes
from swa.engine.ablation import editing
from swa.engine.capture import Activations, capture
from swa.engine.edits import Edit
from swa.models.loaded import LoadedModel
from swa.models.sites import Site
from swa.models.weights import matrix_of
from swa.progress import Progress

Address = tuple[Site, int, int]
"""Site, row, column."""


@dataclass
class Spike:
    """A candidate of the spike screen.

    Attributes:
        site: The down projection.
        attribution: Its values when it was found.
        extremes: The site's extremes then.
        iteration: Round in which it was found, from 1.
        prompts: Indices of the prompts that showed it.
    """

    site: Site
    attribution: Attribution
    extremes: Extremes
    iteration: int
    prompts: list[int]

    @property
    def address(self) -> Address:
        """Site, row, column."""
        return self.site, self.attribution.row, self.attribution.col


@dataclass
class SpikeScreen:
    """What the spike screen saw.

    Attributes:
        threshold: Its threshold; `None` for the scale-free rule.
        rounds: Extremes of every reached site on every prompt, by round.
        found: Candidates by address, in the order they were found.
        auto: What the scale-free rule finds in the first round.
        intact: The first round's forward passes, one a prompt.
    """

    threshold: float | None
    rounds: list[list[Extremes]] = field(default_factory=list)
    found: dict[Address, Spike] = field(default_factory=dict)
    auto: list[Address] = field(default_factory=list)
    intact: list[Activations] = field(default_factory=list)


def screen_spikes(
    loaded: LoadedModel,
    prompts: Sequence[Tensor],
    *,
    threshold: float | None,
    max_iterations: int,
    progress: Progress,
) -> SpikeScreen:
    """Zero what spikes and look again.

    Args:
        loaded: The model; its weights are restored to the bit on leaving, by whatever way.
        prompts: Token ids `(1, n_tokens)` of each prompt.
        threshold: Both extremes must exceed it; `None` for the scale-free rule.
        max_iterations: Rounds at most; 0 looks once and takes no candidates.
        progress: Where rounds are counted.
    """
    screen = SpikeScreen(threshold)
    n_rounds = max(1, max_iterations)
    with progress.task("Looking for spikes", n_rounds) as task:
        for number in range(1, n_rounds + 1):
            zeroed = [Edit(site, row, col) for site, row, col in screen.found]
            extremes, passes = _look(loaded, prompts, zeroed)
            if number == 1:
                screen.intact = passes
                screen.auto = list(dict.fromkeys(_address(e, None) for e in extremes if e.passes(None)))
            screen.rounds.append(extremes)
            task.advance()
            if max_iterations == 0 or not _collect(screen, extremes, threshold=threshold, number=number):
                break
    return screen


def _look(
    loaded: LoadedModel, prompts: Sequence[Tensor], zeroed: Sequence[Edit]
) -> tuple[list[Extremes], list[Activations]]:
    with editing(loaded, zeroed):
        passes = [capture(loaded.model, loaded.sites.sites, ids) for ids in prompts]
    extremes: list[Extremes] = []
    for site in loaded.sites:
        reached = [index for index, activations in enumerate(passes) if site in activations.sites]
        if reached:
            weight = matrix_of(loaded.model, site)
            removed = [edit.index for edit in zeroed if edit.site == site]
            if removed:
                weight = weight.clone()
                for index in removed:
                    weight[index] = 0.0
            extremes += [find_extremes(site, passes[index], weight, prompt=index) for index in reached]
    return extremes, passes


def _collect(screen: SpikeScreen, extremes: Sequence[Extremes], *, threshold: float | None, number: int) -> bool:
    """Add what spikes; whether anything is new."""
    any_new = False
    for seen in extremes:
        if not seen.passes(threshold):
            continue
        address = _address(seen, threshold)
        if address not in screen.found:
            screen.found[address] = Spike(seen.site, seen.candidate(threshold), seen, number, [seen.prompt])
            any_new = True
        elif screen.found[address].iteration == number:
            screen.found[address].prompts.append(seen.prompt)
    return any_new


def _address(seen: Extremes, threshold: float | None) -> Address:
    attribution = seen.candidate(threshold)
    return seen.site, attribution.row, attribution.col
