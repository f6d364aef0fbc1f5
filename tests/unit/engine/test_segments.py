"""Attention by segments against a mask over the whole row; batches of trees."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from swa.engine.packing.batches import batch_of, batches_of
from swa.engine.packing.segments import attending
from swa.engine.packing.trees import Layout, TargetedSequence, pack

SEQUENCES = [
    TargetedSequence(tokens, n_targets)
    for tokens, n_targets in [
        ((1, 2, 3, 4, 5), 1),
        ((1, 2, 3, 4, 6), 2),
        ((1, 2, 3, 7, 8, 9), 3),
        ((1, 2, 3, 7, 8, 10), 1),
        ((11, 12, 13), 2),
        ((11, 14), 1),
    ]
]


def attention(module, query, key, value, mask):
    return ALL_ATTENTION_FUNCTIONS["sdpa"](module, query, key, value, mask)[0]


@pytest.mark.parametrize("groups", [1, 2])
def test_each_token_sees_what_the_mask_of_its_tree_shows(groups):
    rows = pack(SEQUENCES, max_tokens=100, layout=Layout.SEGMENTS)
    batch = batch_of(rows, SEQUENCES, layout=Layout.SEGMENTS, dtype=torch.float64)
    assert len(rows) == 2
    assert len(batch) == 1
    n_tokens = batch.input_ids.shape[1]
    draw = torch.Generator().manual_seed(0)
    query = torch.randn(1, 4, n_tokens, 8, generator=draw, dtype=torch.float64)
    key, value = (torch.randn(1, 4 // groups, n_tokens, 8, generator=draw, dtype=torch.float64) for _ in range(2))
    module = nn.Module()
    module.num_key_value_groups = groups
    seen = torch.block_diag(*(row.mask().double() for row in rows)).bool()[None, None]
    expected = attention(module, query, key, value, seen)
    with attending(batch.segments):
        found = attention(module, query, key, value, None)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_the_models_attention_is_back_afterwards():
    plain = ALL_ATTENTION_FUNCTIONS["sdpa"]
    batch = batch_of(
        pack(SEQUENCES, max_tokens=100, layout=Layout.SEGMENTS), SEQUENCES, layout=Layout.SEGMENTS, dtype=torch.float32
    )
    with attending(batch.segments):
        assert ALL_ATTENTION_FUNCTIONS["sdpa"] is not plain
    assert ALL_ATTENTION_FUNCTIONS["sdpa"] is plain
    states = torch.zeros(1, 1, 1, 8)
    with pytest.raises(IndexError), attending(batch.segments):
        attention(nn.Module(), states, states, states, None)
    assert ALL_ATTENTION_FUNCTIONS["sdpa"] is plain
    with attending(()):
        assert ALL_ATTENTION_FUNCTIONS["sdpa"] is plain


@pytest.mark.parametrize("layout", Layout)
def test_reads_are_the_targets_of_the_members_in_order(layout):
    rows = pack(SEQUENCES, max_tokens=100, layout=layout)
    batch = batch_of(rows, SEQUENCES, layout=layout, dtype=torch.float32)
    members = [SEQUENCES[member] for row in rows for member in row.members]
    assert sorted(members) == sorted(SEQUENCES)
    assert batch.targets.tolist() == [token for tokens, n in members for token in tokens[-n:]]
    before = batch.input_ids[batch.rows, batch.positions].tolist()
    assert before == [token for tokens, n in members for token in tokens[-n - 1 : -1]]


def test_segments_are_not_padded_and_batches_count_what_runs():
    rows = pack(SEQUENCES, max_tokens=100, layout=Layout.SEGMENTS)
    lengths = [len(row.tokens) for row in rows]
    batch = batch_of(rows, SEQUENCES, layout=Layout.SEGMENTS, dtype=torch.float32)
    assert batch.input_ids.shape == (1, sum(lengths))

    def grouped(layout, max_tokens, max_rows=None):
        batches = batches_of(rows, layout=layout, max_tokens=max_tokens, max_rows=max_rows)
        return [len(batch) for batch in batches]

    assert grouped(Layout.SEGMENTS, sum(lengths)) == [2]
    assert grouped(Layout.SEGMENTS, sum(lengths) - 1) == [1, 1]
    assert grouped(Layout.MASKED, 2 * lengths[0]) == [2]
    assert grouped(Layout.MASKED, 2 * lengths[0] - 1) == [1, 1]
    assert grouped(Layout.SEGMENTS, 1000, max_rows=1) == [1, 1]
