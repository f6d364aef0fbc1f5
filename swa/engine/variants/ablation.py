"""Apply edits for the time of a context; afterwards the weights are what they were, to the bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor

from swa.engine.capture.calls import SiteCall, SiteCalls, watch_sites
from swa.engine.variants.interventions import ScaleEntries
from swa.models.discovery.parameters import ParameterOwners
from swa.models.discovery.sites import Site, parameter_of
from swa.models.loading.loaded import LoadedModel


def _same_bits(left: Tensor, right: Tensor) -> bool:
    return torch.equal(left.contiguous().view(torch.uint8), right.contiguous().view(torch.uint8))


@contextmanager
def edited_in_place(model: Any, edits: Sequence[ScaleEntries]) -> Iterator[None]:
    """Multiply scalars of resident weights; on leaving, by whatever way, the exact old bits are put back.

    Raises:
        RuntimeError: A weight lies on `meta` (offloaded), where a write would be lost without a word.
    """
    saved: list[tuple[Tensor, ScaleEntries, Tensor]] = []
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

    def __init__(self, owners: ParameterOwners, edits: Sequence[ScaleEntries], rows: dict[Site, list[int]]) -> None:
        super().__init__(owners, [*rows, *(edit.site for edit in edits)])
        self._edits: dict[Site, list[ScaleEntries]] = {}
        self._rows = rows
        for edit in edits:
            self._edits.setdefault(edit.site, []).append(edit)

    def on_call(self, call: SiteCall) -> None:
        """Recompute the rows of interest, edited or not, so that factor 1 is exactly the baseline."""
        x = call.x.float()
        edits = self._edits.get(call.site, [])
        whole = [edit for edit in edits if edit.row is None]
        rows = range(call.site.d_model) if whole else self._rows[call.site]
        weight = call.weight[list(rows)].float()
        for edit in edits:
            chosen = slice(None) if edit.row is None else list(rows).index(edit.row)
            columns = slice(None) if edit.col is None else edit.col
            weight[chosen, columns] *= edit.factor
        for position, row in enumerate(rows):
            y = (x @ weight[position]).to(call.y.dtype)
            call.y[:, row] = y if call.bias is None else y + call.bias[..., row]


@contextmanager
def edited_by_recomputing(model: Any, edits: Sequence[ScaleEntries], rows: dict[Site, list[int]]) -> Iterator[None]:
    """ScaleEntries weights that are not resident: the rows' outputs are computed anew from the module's input.

    Args:
        model: The model; nothing is written to its weights.
        edits: What to change.
        rows: Rows of each site to recompute even where nothing changes. The baseline must use the same ones: in
            float32 a single row's product differs from the whole matrix' in the last bits.
    """
    with watch_sites(model, lambda owners: _RecomputedRows(owners, edits, rows)):
        yield


def editing(
    loaded: LoadedModel, edits: Sequence[ScaleEntries], *, rows: dict[Site, list[int]] | None = None
) -> AbstractContextManager[None]:
    """ScaleEntries a model in the way that fits it: in place, or by recomputing rows where weights are not resident.

    Args:
        loaded: The model.
        edits: What to change for the time of the context.
        rows: Rows that are recomputed even where nothing changes; by default those of the edits.
    """
    if loaded.offloaded:
        return edited_by_recomputing(loaded.model, edits, rows_of(edits) if rows is None else rows)
    return edited_in_place(loaded.model, edits)


def rows_of(edits: Sequence[ScaleEntries]) -> dict[Site, list[int]]:
    """The rows that edits of scalars touch, by site, in order."""
    rows: dict[Site, set[int]] = {}
    for edit in edits:
        rows.setdefault(edit.site, set())
        if edit.row is not None:
            rows[edit.site].add(edit.row)
    return {site: sorted(touched) for site, touched in rows.items()}
