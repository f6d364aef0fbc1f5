"""The gradient screen: the first-order effect of removing every single scalar (docs/methods.md#gradient-screen).

In window w the effect of removing `W[r, c]` is `g_w = −W[r, c]·∂loss_w/∂W[r, c]`. The score is the root mean square
over windows (the diagonal of the empirical Fisher times W²); the mean would let effects of either sign cancel.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from swa.models.discovery.sites import Site, parameter_of
from swa.models.loading.loaded import LoadedModel
from swa.models.unit import Address
from swa.progress import Progress

_HALF_SCALE = 2.0**12  # float16 gradients underflow without it
_SMALL = 2**30  # both accumulators at once up to this many bytes, whatever the weights' size
_BITS = 11  # a bin of the histogram is 2^-12 of a score wide


class GradientScore(NamedTuple):
    """First-order effect of removing one scalar.

    Attributes:
        score: Root mean square over windows, nats per token.
        mean: Mean over windows, nats per token.
        rank: Number of scalars with a larger score; exact among the kept ones, beyond them to 1/4096 of the score.
    """

    score: float
    mean: float
    rank: int


@dataclass
class GradientScreen:
    """What the gradient screen found.

    Attributes:
        top: The kept addresses, best first.
        scores: Score of each kept address and of those that were asked for.
        n_scalars: Number of examined scalars.
    """

    top: list[Address] = field(default_factory=list)
    scores: dict[Address, GradientScore] = field(default_factory=dict)
    n_scalars: int = 0


def screen_gradients(
    loaded: LoadedModel,
    windows: Tensor,
    *,
    n_prefix: int,
    keep: int,
    also: Sequence[Address],
    progress: Progress,
    excluded: Container[Site] = (),
) -> GradientScreen:
    """Score every scalar of every site.

    Memory beside the model: the activations of one window, the gradient of one parameter, and two accumulators. Where
    these would take more than one float32 copy of the examined weights, the parameters are done in two groups.

    Args:
        loaded: The model, not offloaded.
        windows: Token ids `(n_windows, seq)`; each window gives one backward pass.
        n_prefix: Special tokens in front of each window; they are no targets.
        keep: Number of addresses to keep.
        also: Further addresses to score.
        progress: Where windows are counted.
        excluded: Sites whose scalars do not take part.
    """
    by_parameter: dict[tuple[str, str], list[Site]] = {}
    for site in loaded.sites:
        if site not in excluded:
            by_parameter.setdefault((site.module, site.parameter), []).append(site)
    groups = _groups(loaded.model, list(by_parameter.values()))
    histogram = torch.zeros(2 ** (31 - _BITS), dtype=torch.int64)
    best: list[tuple[float, float, Address]] = []
    asked: dict[Address, tuple[float, float]] = {}
    n_scalars = 0
    with progress.task("Gradient of every scalar", len(groups) * len(windows)) as task:
        for group in groups:
            sums = _accumulate(loaded, windows, group, n_prefix=n_prefix, advance=task.advance)
            for site in (site for sites in group for site in sites):
                squares, mean = sums.of(site)
                score = (squares / len(windows)).sqrt_()
                n_scalars += score.numel()
                bins = score.flatten().view(torch.int32) >> _BITS
                histogram += torch.bincount(bins.cpu(), minlength=len(histogram))
                best += _largest(site, score, mean / len(windows), keep)
                for address in also:
                    if address.site == site:
                        _, row, col = address
                        asked[address] = (float(score[row, col]), float(mean[row, col]) / len(windows))
            best = sorted(best, key=lambda entry: -entry[0])[:keep]
    larger = histogram.flip(0).cumsum(0).flip(0)
    screen = GradientScreen(top=[address for _, _, address in best], n_scalars=n_scalars)
    for rank, (value, its_mean, address) in enumerate(best):
        screen.scores[address] = GradientScore(value, its_mean, rank)
    for address, (value, its_mean) in asked.items():
        if address not in screen.scores:
            bin_number = int(torch.tensor(value).view(torch.int32)) >> _BITS
            screen.scores[address] = GradientScore(value, its_mean, max(len(best), int(larger[bin_number + 1])))
    return screen


def _groups(model: Any, parameters: list[list[Site]]) -> list[list[list[Site]]]:
    """One group, or two halves where both accumulators of all would take more than one copy of the weights."""
    n_bytes = 8 * sum(parameter_of(model, sites[0]).numel() for sites in parameters)
    if n_bytes <= _SMALL or len(parameters) == 1:
        return [parameters]
    middle = len(parameters) // 2
    return [parameters[:middle], parameters[middle:]]


@dataclass
class _Sums:
    squares: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    means: dict[tuple[str, str], Tensor] = field(default_factory=dict)

    def of(self, site: Site) -> tuple[Tensor, Tensor]:
        key = (site.module, site.parameter)
        return site.view(self.squares[key]).contiguous(), site.view(self.means[key])

    def add(self, key: tuple[str, str], parameter: Tensor, gradient: Tensor, scale: float) -> None:
        effect = gradient.float().mul_(parameter.detach().float()).mul_(-1.0 / scale)
        self.means[key] += effect
        self.squares[key] += effect.square_()


def _accumulate(loaded: LoadedModel, windows: Tensor, group: list[list[Site]], *, n_prefix: int, advance: Any) -> _Sums:
    sums = _Sums()
    scale = _HALF_SCALE if loaded.dtype == torch.float16 else 1.0
    parameters = {}
    for sites in group:
        key = (sites[0].module, sites[0].parameter)
        parameters[key] = parameter_of(loaded.model, sites[0])
        sums.squares[key] = torch.zeros_like(parameters[key], dtype=torch.float32)
        sums.means[key] = torch.zeros_like(parameters[key], dtype=torch.float32)
    with _gradients_of(parameters, sums, scale), torch.enable_grad():
        for window in windows:
            ids = window[None].to(loaded.device)
            logits = loaded.model(input_ids=ids, use_cache=False).logits[0]
            first = max(1, n_prefix)
            loss = functional.cross_entropy(logits[first - 1 : -1].float(), ids[0, first:])
            (loss * scale).backward()  # type: ignore[no-untyped-call]
            advance()
    return sums


@contextmanager
def _gradients_of(parameters: dict[tuple[str, str], Tensor], sums: _Sums, scale: float) -> Iterator[None]:
    """Let autograd bring the gradient of one parameter after the other; each is used up at once."""

    def use_up(key: tuple[str, str], parameter: Tensor) -> None:
        assert parameter.grad is not None
        sums.add(key, parameter, parameter.grad, scale)
        parameter.grad = None

    with ExitStack() as stack:
        for key, parameter in parameters.items():
            before = parameter.requires_grad
            stack.callback(parameter.requires_grad_, before)
            parameter.requires_grad_(True)
            hook = parameter.register_post_accumulate_grad_hook(  # type: ignore[no-untyped-call]
                lambda p, key=key: use_up(key, p)
            )
            stack.callback(hook.remove)
        yield


def _largest(site: Site, score: Tensor, mean: Tensor, keep: int) -> list[tuple[float, float, Address]]:
    values, places = score.flatten().topk(min(keep, score.numel()))
    found = []
    for value, place in zip(values.tolist(), places.tolist(), strict=True):
        row, col = divmod(place, site.d_ff)
        if value > 0:
            found.append((value, float(mean[row, col]), Address(site, row, col)))
    return found
