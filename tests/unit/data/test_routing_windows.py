"""Windows on which experts are watched: behind those of the other uses, and what is done where the text is short."""

from __future__ import annotations

import pytest
import torch

from swa.data.windows import detection_windows, routing_windows
from swa.errors import UnsupportedModelError
from tests.support.tiny_loaded import WordTokenizer, text_of


class WithFront(WordTokenizer):
    """Puts one special token in front."""

    def __call__(self, text, *, return_tensors=None, add_special_tokens=True, **rest):
        ids = super().__call__(text)["input_ids"]
        return {"input_ids": [1, *ids] if add_special_tokens else ids}


def _windows(n_letters, n_windows, *, tokenizer=None, context_length=10):
    return routing_windows(
        tokenizer or WordTokenizer(), text_of(n_letters), context_length=context_length, n_windows=n_windows
    )


def _stream(n_letters):
    return torch.tensor(WordTokenizer()(text_of(n_letters).text)["input_ids"])


def test_they_are_windows_24_and_on():
    found = _windows(400, 10)
    assert torch.equal(found.ids, _stream(400).view(40, 10)[24:34])
    assert (found.first, found.note) == (24, "")
    used = detection_windows(WordTokenizer(), text_of(400), context_length=10)
    others = {tuple(row) for row in torch.cat([used.confirmation, used.gradient]).tolist()}
    assert not others & {tuple(row) for row in found.ids.tolist()}


def test_the_number_is_the_callers():
    assert len(_windows(400, 3).ids) == 3
    assert len(_windows(400, 0).ids) == 0
    assert _windows(100, 0).note == ""


def test_windows_have_the_special_tokens_in_front_and_fit_the_context():
    found = _windows(400, 2, tokenizer=WithFront())
    assert found.ids.shape == (2, 10)
    assert found.ids[:, 0].tolist() == [1, 1]
    assert torch.equal(found.ids[0, 1:], _stream(400)[24 * 9 : 25 * 9])
    assert _windows(6300, 1, context_length=5000).ids.shape == (1, 256)


def test_fewer_windows_are_said():
    found = _windows(270, 10)
    assert len(found.ids) == 3
    assert found.note == "The text 'letters' is short: 3 instead of 10 windows."


@pytest.mark.parametrize("n_letters", [240, 120, 60])
def test_a_short_text_lends_those_of_the_gradient_screen(n_letters):
    found = _windows(n_letters, 2)
    used = detection_windows(WordTokenizer(), text_of(n_letters), context_length=10)
    assert torch.equal(found.ids, used.gradient[:2])
    assert found.first == len(used.confirmation)
    assert found.note == "The text 'letters' has no windows for routing alone; those of the gradient screen are used."


def test_both_shortages_are_said():
    found = _windows(60, 10)
    assert len(found.ids) == 2
    assert found.note.endswith("those of the gradient screen are used: 2 instead of 10 windows.")


def test_a_text_of_less_than_a_window_gives_none():
    found = _windows(5, 10)
    assert found.ids.shape == (0, 10)
    assert "0 instead of 10" in found.note


def test_a_context_without_room_is_refused():
    with pytest.raises(UnsupportedModelError, match="no room"):
        _windows(400, 10, context_length=1)
