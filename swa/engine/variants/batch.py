"""Tokens that go through the model together, and where their predictions are read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from swa.engine.packing.segments import Segment
from swa.models.discovery.sites import SiteMap
from swa.models.loading.memory import total_memory

PADDING = 0
"""Id behind the end of shorter rows: causal models never look at it, so any id will do."""


@dataclass(frozen=True)
class TokenBatch:
    """Rows of token ids, and the predictions to read, ordered by row.

    Attributes:
        input_ids: `(batch, seq)`, int64.
        rows: `(n_reads,)`: row of each prediction.
        positions: `(n_reads,)`: position whose logits are read.
        targets: `(n_reads,)`: the token that should be predicted there.
        attention_mask: `(batch, 1, seq, seq)`, added to the attention scores; `None` for the model's own causal mask.
        position_ids: `(batch, seq)`; `None` for consecutive ones.
        segments: What each piece of a single row sees, in place of a mask; empty for none.
    """

    input_ids: Tensor
    rows: Tensor
    positions: Tensor
    targets: Tensor
    attention_mask: Tensor | None = None
    position_ids: Tensor | None = None
    segments: tuple[Segment, ...] = ()

    @classmethod
    def all_scored(cls, input_ids: Tensor, *, n_prefix: int = 0) -> TokenBatch:
        """Score every token that has a prediction and is not one of the `n_prefix` special tokens in front."""
        first = max(1, n_prefix)
        n_rows, n_tokens = input_ids.shape
        return cls(
            input_ids,
            rows=torch.arange(n_rows).repeat_interleave(n_tokens - first),
            positions=torch.arange(first - 1, n_tokens - 1).repeat(n_rows),
            targets=input_ids[:, first:].flatten(),
        )

    @classmethod
    def of_sequences(cls, sequences: Sequence[Sequence[int]], *, score_from: Sequence[int]) -> TokenBatch:
        """Rows of unequal length, each scored from its token number `score_from` on; the last token is not run.

        Args:
            sequences: Token ids, two or more each.
            score_from: First target of each, at least 1.
        """
        n_tokens = max(map(len, sequences)) - 1
        ids = torch.full((len(sequences), n_tokens), PADDING, dtype=torch.int64)
        rows: list[int] = []
        positions: list[int] = []
        targets: list[int] = []
        for row, (sequence, first) in enumerate(zip(sequences, score_from, strict=True)):
            ids[row, : len(sequence) - 1] = torch.tensor(sequence[:-1])
            rows += [row] * (len(sequence) - first)
            positions += range(first - 1, len(sequence) - 1)
            targets += sequence[first:]
        return cls(ids, torch.tensor(rows), torch.tensor(positions), torch.tensor(targets))

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.input_ids)

    @property
    def model_inputs(self) -> dict[str, Tensor]:
        """What the model is called with."""
        inputs = {"input_ids": self.input_ids}
        if self.attention_mask is not None:
            inputs["attention_mask"] = self.attention_mask
        if self.position_ids is not None:
            inputs["position_ids"] = self.position_ids
        return inputs

    @property
    def digest(self) -> str:
        """sha256 of the tokens and of what is read where, for the keys of items."""
        found = hashlib.sha256(repr(self.segments).encode())
        for tensor in (self.input_ids, self.rows, self.positions, self.targets, self.attention_mask, self.position_ids):
            if tensor is not None:
                found.update(repr(tuple(tensor.shape)).encode())
                found.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return found.hexdigest()

    def to(self, device: torch.device) -> TokenBatch:
        """The same on a device."""
        return self._with(lambda tensor: tensor.to(device))

    def part(self, start: int, stop: int) -> TokenBatch:
        """Rows `start` to `stop`."""
        chosen = (self.rows >= start) & (self.rows < stop)
        rows, positions, targets = self.rows[chosen] - start, self.positions[chosen], self.targets[chosen]
        mask = None if self.attention_mask is None else self.attention_mask[start:stop]
        depth = None if self.position_ids is None else self.position_ids[start:stop]
        return TokenBatch(self.input_ids[start:stop], rows, positions, targets, mask, depth, self.segments)

    def split(self, n_rows: int) -> list[TokenBatch]:
        """Batches of at most `n_rows` rows."""
        return [self.part(start, start + n_rows) for start in range(0, len(self), n_rows)]

    def _with(self, change: Any) -> TokenBatch:
        names = ("input_ids", "rows", "positions", "targets", "attention_mask", "position_ids")
        tensors = {name: getattr(self, name) for name in names}
        return replace(self, **{name: change(tensor) for name, tensor in tensors.items() if tensor is not None})


def automatic_batch_size(
    sites: SiteMap, *, n_tokens: int, vocabulary: int, device: torch.device, share: float = 0.1
) -> int:
    """Rows of `n_tokens` tokens whose activations and logits take a given share of the device's memory.

    Args:
        sites: The model's down projections, for the widths.
        n_tokens: Tokens in a row.
        vocabulary: Number of logits of a token.
        device: Where it runs.
        share: Share of the total memory.
    """
    widest = max(site.d_ff for site in sites)
    # float32 logits twice (values and their exponentials), a recording of every layer, one layer's activations
    floats_per_token = 2 * vocabulary + sites.n_layers * sites.d_model + 8 * widest
    budget = share * total_memory(device)
    rows = int(budget / (4 * floats_per_token * n_tokens))
    # beyond some thousand tokens a CPU gains nothing, and a smaller batch stays nearer to the caches
    ceiling = 2048 if device.type == "cpu" else 32768
    return max(1, min(rows, ceiling // n_tokens))
