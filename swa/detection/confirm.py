"""Confirmation: a candidate is a super weight only if removing it does measurable damage.

See docs/methods.md#confirmation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from swa.engine.ledger import Item, Round, Rounds, item_key, model_content
from swa.engine.measures.losses import LossMeter, WindowLosses
from swa.engine.variants.controls import nearest_in_size
from swa.engine.variants.inactive import why_inactive
from swa.engine.variants.interventions import ScaleEntries
from swa.findings.verdict import MIN_RATIO, is_beyond_controls
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.weights import matrix_of
from swa.models.unit import Address
from swa.schemas.detection import Confirmation
from swa.store.ledger import Answer

N_FIRST_STAGE = 4
"""Windows on which every candidate is removed."""
WORTH_A_SECOND_LOOK = 0.01
"""|Δ| in nats per token from which on a candidate is measured on all windows."""
CONTROL_FROM = 1.02
"""Perplexity ratio from which on a control is measured."""
N_CONTROLS = 8
"""Scalars that a control removes together."""


@dataclass
class Confirmed:
    """What confirmation measured.

    Attributes:
        confirmations: By address.
        baseline_loss: Loss of the intact model on all windows, nats per token.
        combined_delta: Δ of removing all confirmed ones together, `None` when there is none.
    """

    confirmations: dict[Address, Confirmation] = field(default_factory=dict)
    baseline_loss: float = float("nan")
    combined_delta: float | None = None


def confirm(
    loaded: LoadedModel,
    candidates: Sequence[Address],
    windows: Tensor,
    *,
    meter: LossMeter,
    suppression: Mapping[Address, float],
    seed: int,
) -> Rounds[Confirmed]:
    """Remove every candidate alone on held-out text; controls and all confirmed ones together follow.

    Args:
        loaded: The model.
        candidates: Addresses of the candidates.
        windows: Token ids `(n_windows, seq)`; the first `N_FIRST_STAGE` decide who is measured on all.
        meter: Measures removals.
        suppression: Largest |residual| after the candidate's layer, removed over intact.
        seed: Seed of the bootstrap.
    """
    losses = yield from _two_stages(candidates, windows, meter)
    controls = yield from _controls(loaded, losses, windows, meter)
    without_effect = [address for address, measured in losses.items() if measured.delta == 0]
    reasons = yield from _reasons(loaded, without_effect, windows[:1], meter)
    result = Confirmed()
    for address, measured in losses.items():
        result.confirmations[address] = _verdict(
            measured,
            controls.get(address),
            interval_name=loaded.sites.text(*address),
            seed=seed,
            suppression=suppression.get(address),
            inactive=reasons.get(address),
        )
    whole = [ScaleEntries(*address) for address, verdict in result.confirmations.items() if verdict.confirmed]
    (everything,) = yield from meter.measure([tuple(whole)], windows, title="Removing all confirmed ones together")
    result.baseline_loss = float(everything.baseline.nll.sum() / everything.baseline.n_targets.sum())
    result.combined_delta = everything.delta if whole else None
    return result


def _two_stages(
    candidates: Sequence[Address], windows: Tensor, meter: LossMeter
) -> Rounds[dict[Address, WindowLosses]]:
    first, rest = windows[:N_FIRST_STAGE], windows[N_FIRST_STAGE:]
    measured = yield from meter.measure(
        [(ScaleEntries(*address),) for address in candidates], first, title="Removing each candidate"
    )
    losses = dict(zip(candidates, measured, strict=True))
    # NaN counts as worth a look: nothing may drop out because its loss is not finite
    promising = [address for address, loss in losses.items() if not abs(loss.delta) < WORTH_A_SECOND_LOOK]
    if len(rest):
        again = yield from meter.measure(
            [(ScaleEntries(*address),) for address in promising], rest, title="Removing the promising ones again"
        )
        for address, loss in zip(promising, again, strict=True):
            losses[address] = losses[address].followed_by(loss)
    return losses


@dataclass(frozen=True)
class _Control:
    coords: tuple[tuple[int, int], ...]
    delta: float


def _controls(
    loaded: LoadedModel, losses: dict[Address, WindowLosses], windows: Tensor, meter: LossMeter
) -> Rounds[dict[Address, _Control]]:
    """Remove, together, the scalars of the same matrix that are nearest in |w|; equal sets are measured once."""
    chosen: dict[Address, tuple[tuple[int, int], ...]] = {}
    for address, loss in losses.items():
        if loss.ratio >= CONTROL_FROM:
            others = [(row, col) for site, row, col in losses if site == address.site]
            matrix = matrix_of(loaded.model, address.site)
            # in ascending order, so that equal choices compare equal
            chosen[address] = tuple(sorted(nearest_in_size(matrix, address.place, n=N_CONTROLS, excluded=others)))
    removals = {
        tuple(ScaleEntries(address.site, row, col) for row, col in coords): None
        for address, coords in chosen.items()
        if coords
    }
    measured = yield from meter.measure(list(removals), windows, title="Controls")
    deltas = {edits: loss.delta for edits, loss in zip(removals, measured, strict=True)}
    return {
        address: _Control(coords, deltas[tuple(ScaleEntries(address.site, row, col) for row, col in coords)])
        for address, coords in chosen.items()
        if coords
    }


def _reasons(
    loaded: LoadedModel, addresses: Sequence[Address], window: Tensor, meter: LossMeter
) -> Rounds[dict[Address, str]]:
    """Why removal changed nothing at all."""

    def item(address: Address) -> Item:
        def compute(advance: Callable[[], None]) -> Answer:
            reason = why_inactive(loaded, address, window)
            advance()
            return Answer({"reason": reason})

        removed = ScaleEntries(*address).content
        return Item(item_key("inactive", removed=removed, tokens=window.tolist(), **model_content(loaded)), 1, compute)

    items = [item(address) for address in addresses]
    if items:
        yield Round("Removals without effect", items)
    return {
        address: str(meter.ledger.get(one.key).values["reason"]) for address, one in zip(addresses, items, strict=True)
    }


def _verdict(
    measured: WindowLosses,
    control: _Control | None,
    *,
    interval_name: str,
    seed: int,
    suppression: float | None,
    inactive: str | None,
) -> Confirmation:
    delta, ratio = measured.delta, measured.ratio
    low, high = measured.interval(seed, interval_name)
    beyond_control = control is None or is_beyond_controls(delta, control.delta)
    optional: dict[str, object] = {}
    if control is not None:
        optional |= {"control_delta_loss": control.delta, "control_coords": list(control.coords)}
    if suppression is not None:
        optional["spike_suppression"] = suppression
    if inactive is not None:
        optional["edit_inactive"] = inactive
    return Confirmation.model_validate(
        {
            "delta_loss": delta,
            "ci_2.5": low,
            "ci_97.5": high,
            "perplexity_ratio": ratio,
            "n_windows": len(measured.baseline.nll),
            "confirmed": low > 0 and ratio >= MIN_RATIO and beyond_control,
            "improves": high < 0,
            **optional,
        }
    )
