"""What a configuration says, and how long an input may be."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from swa.models.loading.inspect import context_length, first_sentence
from tests.support.tiny_models import build

NO_LIMIT = SimpleNamespace(model_max_length=int(1e30))


def _fits(model, n_tokens):
    try:
        with torch.no_grad():
            model(input_ids=torch.full((1, n_tokens), 7), use_cache=False)
    except (IndexError, RuntimeError):
        return False
    return True


@pytest.mark.parametrize(
    "name", "roberta xlm-roberta camembert xmod data2vec-text prophetnet whisper gpt2 opt bert biogpt".split()
)
def test_learned_positions_are_used_up_to_the_last(name):
    model = build(name)
    longest = context_length(model, NO_LIMIT)
    assert 48 <= longest <= 64
    assert _fits(model, longest)
    assert not _fits(model, longest + 1) or name == "biogpt"  # it keeps two rows in reserve


@pytest.mark.parametrize("name", ["llama", "rwkv", "mpt", "kimi_linear"])
def test_the_configuration_comes_before_the_tokenizer(name):
    assert context_length(build(name), SimpleNamespace(model_max_length=7)) == 64


@pytest.mark.parametrize(("limit", "expected"), [(512, 512), (int(1e30), 2048)])
def test_without_a_stated_limit_the_tokenizer_counts(limit, expected):
    assert context_length(build("bloom"), SimpleNamespace(model_max_length=limit)) == expected


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("One. Two."), "One."),
        (ValueError("No stop"), "No stop."),
        (ValueError("\n  Headline:\n    what is wrong\nmore"), "Headline: what is wrong."),
        (EOFError(), "EOFError."),
        (KeyError("weight_map"), "there is no 'weight_map'."),
    ],
)
def test_an_error_of_a_library_becomes_one_sentence(error, text):
    assert first_sentence(error) == text


def test_a_long_error_is_shortened():
    assert len(first_sentence(ValueError("x" * 1000))) == 200
