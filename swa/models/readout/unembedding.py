"""What a direction in a down projection's output does to the logits: `e = U' w`.

See docs/methods.md#vocabulary-effects-of-a-neuron.

`U' = W_U A diag(γ)` minus its mean row: unembedding, a linear map where the model has one, and the γ of the final norm.
It is never held as a whole; blocks of rows are made from the model's own weights when they are needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from swa.errors import UnsupportedModelError
from swa.models.discovery.experts import eager_experts
from swa.models.discovery.sites import Site
from swa.models.discovery.trace import sample_ids, trace_forward
from swa.models.loading.loaded import LoadedModel
from swa.models.readout.final_norm import Tail, measure_tail, undefined
from swa.models.readout.projection import head_matrix
from swa.models.readout.residual_write import Branches

_BLOCK = 2**23
"""Numbers in a block of rows: 64 MiB in float64."""


@dataclass(frozen=True, eq=False)
class Unembedding:
    """The rows of U', and how a neuron's column becomes a direction beside them.

    Attributes:
        weight: `W_U`, `(n_logits, d_head)`, in the model's own type.
        ids: Token ids of the rows, ascending, int64.
        mean: Mean row `(d_model,)`, float64, over all ids that the tokenizer knows.
        tail: What lies between residual stream and unembedding.
        branches: What lies between the down projections and the residual stream.
    """

    weight: Tensor
    ids: Tensor
    mean: Tensor
    tail: Tail
    branches: Branches

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.ids)

    @property
    def d_model(self) -> int:
        """Channels of the residual stream."""
        return self.tail.width

    def rows(self, start: int, stop: int, *, dtype: torch.dtype) -> Tensor:
        """U' of the ids from `start` to `stop`, `(n, d_model)`, where the weights are."""
        ids = self.ids[start:stop].to(self.weight.device)
        rows = _scaled(self.weight[ids], self.tail, dtype)
        return rows - self.mean.to(rows)

    def blocks(self, *, dtype: torch.dtype) -> Iterator[tuple[slice, Tensor]]:
        """All rows, some thousand at a time, with their places."""
        step = max(1, _BLOCK // self.d_model)
        for start in range(0, len(self), step):
            some = slice(start, min(start + step, len(self)))
            yield some, self.rows(some.start, some.stop, dtype=dtype)

    def directions(self, site: Site, columns: Tensor) -> Tensor:
        """What U' reads of a down projection's columns: `(d_out, n)` → `(d_model, n)`, in their type.

        The γ of norms behind the MLP is multiplied in; the mean over channels is subtracted where the final norm
        subtracts it.

        Raises:
            UnsupportedModelError: The site does not write into the residual stream that is read out.
        """
        directions = self.branches.of(site).directions(columns)
        if len(directions) != self.d_model:
            raise undefined(f"{site.module} writes {len(directions)} channels, the unembedding reads {self.d_model}")
        centres = self.tail.norm is not None and self.tail.norm.centres
        return directions - directions.mean(dim=0) if centres else directions

    def notes(self, site: Site) -> tuple[str, ...]:
        """What acts on the way from the site to the logits and is left out."""
        return (*self.branches.of(site).notes, *self.tail.notes)

    def supports(self, site: Site) -> bool:
        """Whether effects are defined for the site."""
        try:
            self.branches.of(site)
        except UnsupportedModelError:
            return False
        return True


def find_unembedding(loaded: LoadedModel, *, ids: Sequence[int], known: Sequence[int]) -> Unembedding:
    """Measure the way from every down projection to the logits, with two or three short forward passes.

    Args:
        loaded: The model.
        ids: Token ids that get effects, ascending.
        known: Ids whose mean row is subtracted, which changes all effects alike: the softmax does not see it.

    Raises:
        UnsupportedModelError: Effects are not defined for this model.
    """
    model, tokens = loaded.model, sample_ids(loaded.model, loaded.device)
    with eager_experts(model):
        trace = trace_forward(model, tokens, details=True)
        tail = measure_tail(model, trace, tokens, stacks=loaded.sites.stacks)
    weight = head_matrix(model.get_output_embeddings(), loaded.device, copied=loaded.offloaded)
    return Unembedding(
        weight=weight,
        ids=torch.tensor(ids, dtype=torch.int64),
        mean=_mean_row(weight, torch.tensor(known, dtype=torch.int64), tail),
        tail=tail,
        branches=Branches(model, trace, tail, loaded.sites.sites),
    )


def _scaled(rows: Tensor, tail: Tail, dtype: torch.dtype) -> Tensor:
    """`W_U A diag(γ)` of some rows of `W_U`."""
    if dtype == torch.float64 and rows.device.type == "mps":  # which has no float64
        rows = rows.cpu()
    rows = rows.to(dtype)
    if tail.linear is not None:
        rows = rows @ tail.linear.to(rows)
    return rows if tail.norm is None else rows * tail.norm.gamma.to(rows)


def _mean_row(weight: Tensor, known: Tensor, tail: Tail) -> Tensor:
    total = torch.zeros(tail.width, dtype=torch.float64)
    step = max(1, _BLOCK // tail.width)
    for start in range(0, len(known), step):
        some = known[start : start + step]
        total += _scaled(weight[some.to(weight.device)], tail, torch.float64).sum(dim=0).cpu()
    return total / len(known)
