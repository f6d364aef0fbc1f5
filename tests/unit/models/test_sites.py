"""Sites are found by their coordinates, experts by the names of checkpoints too."""

from __future__ import annotations

import pytest

from swa.errors import UsageError
from tests.support.experts import experts_of
from tests.support.tiny_loaded import loaded_tiny


def test_every_site_is_found_by_its_own_text():
    loaded = loaded_tiny("qwen2_moe")
    for site in loaded.sites:
        assert loaded.sites.find(loaded.sites.text(site, 1, 2)) is site


@pytest.mark.parametrize("text", ["L1.mlp.experts.2.down_proj[3,5]", "L1.block_sparse_moe.experts.2.w2[3,5]"])
def test_experts_have_two_names(text):
    loaded = loaded_tiny("mixtral")
    assert loaded.sites.find(text) is experts_of(loaded, 1)[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("L1.block_sparse_moe.experts.2.w1[3,5]", "no down projection"),
        ("L1.block_sparse_moe.experts.9.w2[3,5]", "no down projection"),
        ("L1.block_sparse_moe.experts.2.w2[99999,5]", "out of range"),
    ],
)
def test_what_is_no_down_projection_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        loaded_tiny("mixtral").sites.find(text)


def test_a_shared_expert_is_not_meant():
    loaded = loaded_tiny("qwen2_moe")
    assert loaded.sites.find("L1.block_sparse_moe.experts.0.w2[3,5]").kind == "expert"
