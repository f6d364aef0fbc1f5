"""Attention within a row of several sequences, piece by piece.

A mask makes every token of a row attend to every other one and throws most of it away: the cost is the square of the
row's length. Here each piece of a tree attends to its ancestors and to itself only, so rows may be long, hold several
trees, and need no padding. It works where a model's attention goes through transformers' interface as `sdpa`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from swa.models.loading.loaded import LoadedModel

_INTERFACE = "sdpa"


class Segment(NamedTuple):
    """Consecutive tokens of a row whose ancestors are the same.

    Attributes:
        start: Place of its first token.
        stop: Place behind its last token.
        seen: `(n_ancestors + n_tokens,)` int64: places of its ancestors and of itself; `None` without ancestors.
        mask: `(1, 1, n_tokens, n_ancestors + n_tokens)`, added to the attention scores; `None` without ancestors.
    """

    start: int
    stop: int
    seen: Tensor | None
    mask: Tensor | None

    @classmethod
    def after(cls, ancestors: Sequence[int], start: int, stop: int, *, dtype: torch.dtype) -> Segment:
        """The tokens from `start` to `stop`, which see `ancestors` and those of themselves that came before."""
        if not ancestors:
            return cls(start, stop, None, None)
        n_tokens = stop - start
        hidden = torch.full((n_tokens, n_tokens), torch.finfo(dtype).min, dtype=dtype).triu_(1)
        mask = torch.cat([torch.zeros(n_tokens, len(ancestors), dtype=dtype), hidden], dim=1)
        return cls(start, stop, torch.tensor([*ancestors, *range(start, stop)]), mask[None, None])


def can_attend_by_segments(loaded: LoadedModel) -> bool:
    """Whether it is worth trying: elsewhere than on a CPU many small kernels cost more than a mask."""
    return loaded.device.type == "cpu" and loaded.model.config._attn_implementation == _INTERFACE


@contextmanager
def attending(segments: Sequence[Segment]) -> Iterator[None]:
    """Inside, models attend by these segments, whatever mask they make; without segments nothing changes."""
    if not segments:
        yield
        return
    plain = ALL_ATTENTION_FUNCTIONS[_INTERFACE]
    ALL_ATTENTION_FUNCTIONS[_INTERFACE] = partial(_by_segment, plain, segments)
    try:
        yield
    finally:
        ALL_ATTENTION_FUNCTIONS[_INTERFACE] = plain


def _by_segment(
    plain: Any,
    segments: Sequence[Segment],
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, None]:
    """The attention function of the interface: states are `(1, heads, seq, d)`, the result is `(1, seq, heads, d)`."""
    options["is_causal"] = True  # where there is no mask: a segment without ancestors
    outputs = []
    for start, stop, seen, mask in segments:
        if seen is None:
            keys, values = key[:, :, start:stop], value[:, :, start:stop]
        else:
            keys, values = key.index_select(2, seen), value.index_select(2, seen)
        outputs.append(plain(module, query[:, :, start:stop], keys, values, mask, **options)[0])
    return torch.cat(outputs, dim=1), None
