"""Tokens that go through the model together, and how many at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from swa.models.memory import total_memory
from swa.models.sites import SiteMap


@dataclass(frozen=True)
class TokenBatch:
    """Rows of token ids of equal length.

    Attributes:
        input_ids: `(batch, seq)`, int64.
        scored: `(batch, seq)`, bool: whether the token at this position is a target; position 0 never is.
    """

    input_ids: Tensor
    scored: Tensor

    @classmethod
    def all_scored(cls, input_ids: Tensor, *, n_prefix: int = 0) -> TokenBatch:
        """Score every token that has a prediction and is not one of the `n_prefix` special tokens in front."""
        scored = torch.ones_like(input_ids, dtype=torch.bool)
        scored[:, : max(1, n_prefix)] = False
        return cls(input_ids, scored)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.input_ids)

    def rows(self, start: int, stop: int) -> TokenBatch:
        """A part of the batch."""
        return TokenBatch(self.input_ids[start:stop], self.scored[start:stop])

    def split(self, n_rows: int) -> list[TokenBatch]:
        """Batches of at most `n_rows` rows."""
        return [self.rows(start, start + n_rows) for start in range(0, len(self), n_rows)]


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
