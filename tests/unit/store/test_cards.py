"""Files of cards: what is finished stays, what an interruption or somebody else left is cut off and said."""

from __future__ import annotations

import json

import pytest

from swa.schemas.cards import NeuronCard
from swa.schemas.validation import validate_file
from swa.store.cards import CardFile
from tests.unit.schemas.samples import example


def card(neuron: int) -> NeuronCard:
    return NeuronCard.model_validate_json(json.dumps(example("NeuronCard") | {"neuron": neuron}))


@pytest.fixture
def opened(tmp_path):
    said: list[str] = []
    return CardFile(tmp_path / "neurons.jsonl", NeuronCard, warn=said.append), said


def test_cards_are_appended_and_replaced(opened):
    file, said = opened
    assert file.read() == []
    for number in (1, 2):
        file.append(card(number))
    assert file.read() == [card(1), card(2)]
    file.replace([card(3)])
    assert file.read() == [card(3)]
    file.replace([])
    assert file.path.read_bytes() == b""
    assert said == []
    assert validate_file(file.path) == (file.path, 0, ())


def test_a_torn_line_is_cut_off_and_said(opened):
    file, said = opened
    file.append(card(1))
    with file.path.open("ab") as stream:
        stream.write(card(2).model_dump_json().encode()[:-20])
    assert file.read() == [card(1)]
    assert len(said) == 1
    assert "torn" in said[0]
    assert validate_file(file.path) == (file.path, 1, ())


@pytest.mark.parametrize("line", ["{}", "[1]", '{"record": "SuperWeightCard"}'])
def test_a_foreign_line_is_taken_out_and_said(opened, line):
    file, said = opened
    file.path.write_text(f"{line}\n{card(1).model_dump_json()}\n")
    assert file.read() == [card(1)]
    assert said == [f"Line 1 of '{file.path}' is no valid NeuronCard and is taken out."]
    file.append(card(2))
    assert file.read() == [card(1), card(2)]
    assert len(said) == 1
