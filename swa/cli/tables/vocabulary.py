"""How the tables of `swa vocab` stand where the terminal is narrow."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from swa.cli.tables.layout import LABEL, Layout, drawn, fitting, one_line
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.tables import neurons, super_weights

_WIDE: Layout = (
    (LABEL,),
    ("delta_loss",),
    ("delta_entropy:value",),
    ("delta_topk_margin:value",),
    ("control_mean_loss",),
    ("control_max_loss",),
    ("neuron_zero_loss",),
)
_NARROW: Layout = (
    (LABEL,),
    ("delta_loss:value", "delta_loss:interval"),
    ("delta_entropy:value", "delta_topk_margin:value"),
    ("control_mean_loss", "control_max_loss"),
    ("neuron_zero_loss",),
)


def super_weight_table(cards: Sequence[SuperWeightCard], console: Console) -> Table:
    """One row a super weight, in a form that fits the console."""
    return fitting(super_weights.super_weight_table(cards), console, _WIDE, _NARROW)


def token_table(cards: Sequence[SuperWeightCard]) -> Table:
    """The first tokens that become more and less likely without each super weight."""
    table = super_weights.token_shift_table(cards)
    return drawn(table, one_line(table))


def neuron_table(cards: Sequence[NeuronCard]) -> Table:
    """One row a neuron."""
    table = neurons.neuron_table(cards)
    return drawn(table, one_line(table))
