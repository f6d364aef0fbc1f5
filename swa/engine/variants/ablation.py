"""Scale entries of weights for the time of a context; afterwards the weights are what they were, to the bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from swa.engine.capture.calls import SiteCall, SiteCalls, watch_sites
from swa.models.discovery.parameters import ParameterOwners
from swa.models.discovery.sites import Site, parameter_of


@dataclass(frozen=True)
class Scaling:
    """`W[row, col] *= factor`; `None` means all rows or all columns (`row=None`: the whole neuron `col`).

    Attributes:
        site: The down projection.
        row: Output channel, or `None` for all.
        col: Input channel, or `None` for all.
        factor: 0 removes, 1 changes nothing.
    """

    site: Site
    row: int | None
    col: int | None
    factor: float = 0.0

    @property
    def index(self) -> tuple[int | slice, int | slice]:
        """What to index `W` with."""
        return (
            slice(None) if self.row is None else self.row,
            slice(None) if self.col is None else self.col,
        )


def _same_bits(left: Tensor, right: Tensor) -> bool:
    return torch.equal(left.contiguous().view(torch.uint8), right.contiguous().view(torch.uint8))


@contextmanager
def edited_in_place(model: Any, edits: Sequence[Scaling]) -> Iterator[None]:
    """Multiply scalars of resident weights; on leaving, by whatever way, the exact old bits are put back.

    Raises:
        RuntimeError: A weight lies on `meta` (offloaded), where a write would be lost without a word.
    """
    saved: list[tuple[Tensor, Scaling, Tensor]] = []
    try:
        with torch.no_grad():
            for edit in edits:
                parameter = parameter_of(model, edit.site)
                if parameter.device.type == "meta":
                    raise RuntimeError(f"{edit.site.module} is offloaded and cannot be edited in place.")
                view = edit.site.view(parameter.data)
                saved.append((view, edit, view[edit.index].clone()))
                view[edit.index] = view[edit.index] * edit.factor if edit.factor else 0.0
        yield
    finally:
        with torch.no_grad():
            for view, edit, old in reversed(saved):
                view[edit.index] = old
                assert _same_bits(view[edit.index].clone().reshape(-1), old.reshape(-1)), "weights were not restored"


class _RecomputedRows(SiteCalls):  # type: ignore[no-untyped-call]
    """Replaces output rows by products in float32 with the edited row; the bias is kept."""

    def __init__(self, owners: ParameterOwners) -> None:
        super().__init__(owners, [])
        self._edits: dict[Site, list[Scaling]] = {}

    @contextmanager
    def editing(self, edit: Scaling) -> Iterator[None]:
        """Edit for the time of a context."""
        self.watch(edit.site)
        edits = self._edits.setdefault(edit.site, [])
        edits.append(edit)
        try:
            yield
        finally:
            edits.pop()  # contexts end in reverse order

    def on_call(self, call: SiteCall) -> None:
        """Recompute the rows of the edits, also of those by factor 1."""
        edits = self._edits[call.site]
        rows = sorted({edit.row for edit in edits if edit.row is not None})
        if any(edit.row is None for edit in edits):
            rows = list(range(call.site.d_model))
        if not rows:
            return
        x, weight = call.x.float(), call.weight[rows].float()
        for edit in edits:
            chosen = slice(None) if edit.row is None else rows.index(edit.row)
            columns = slice(None) if edit.col is None else edit.col
            weight[chosen, columns] *= edit.factor
        for position, row in enumerate(rows):
            y = (x @ weight[position]).to(call.y.dtype)
            call.y[:, row] = y if call.bias is None else y + call.bias[..., row]


_RECOMPUTING: WeakKeyDictionary[nn.Module, _RecomputedRows] = WeakKeyDictionary()
"""The mode in force, by model: edits of one row must be seen by one product."""


@contextmanager
def recomputing(model: Any) -> Iterator[_RecomputedRows]:
    """Let products be recomputed, by one mode for all nested contexts; fused experts run one by one.

    Without edits nothing is recomputed, and experts run as they do with some.
    """
    mode = _RECOMPUTING.get(model)
    if mode is not None:
        yield mode
        return
    with watch_sites(model, _RecomputedRows) as mode:
        _RECOMPUTING[model] = mode
        try:
            yield mode
        finally:
            del _RECOMPUTING[model]


@contextmanager
def edited_by_recomputing(model: Any, edits: Sequence[Scaling]) -> Iterator[None]:
    """Edit weights that are not resident: the rows' outputs are computed anew from the module's input.

    In float32 a single row's product differs from the whole matrix' in the last bits. What is compared with an edit
    must therefore have the same row recomputed: by an edit with factor 1.

    Args:
        model: The model; nothing is written to its weights.
        edits: What to change, together with the edits of contexts around this one.
    """
    with ExitStack() as stack:
        mode = stack.enter_context(recomputing(model))
        for edit in edits:
            stack.enter_context(mode.editing(edit))
        yield
