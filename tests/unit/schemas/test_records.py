"""Every record: what is written can be read back, by us and by a foreign validator, and nothing else can."""

from __future__ import annotations

import json

import jsonschema
import pytest
from pydantic import ValidationError

from swa.schemas.registry import json_schema, record_class, schema_names
from tests.support.artifacts import detection_record

from .samples import VALID, example


def test_every_record_has_a_sample():
    assert sorted(VALID) == schema_names()


@pytest.mark.parametrize("name", schema_names())
def test_records_survive_a_round_trip(name):
    record = record_class(name).model_validate_json(json.dumps(VALID[name]))
    text = record.model_dump_json()
    assert "null" not in text.replace('"expert":null', "").replace('"revision":null', "").replace(
        '"dataset_fingerprint":null', ""
    ).replace('"ended":null', "")
    again = json.loads(text)
    assert again["record"] == name
    assert again["schema_version"] == 1
    assert record_class(name).model_validate_json(text) == record
    for data in (VALID[name], again):
        jsonschema.validate(data, json_schema(name))


@pytest.mark.parametrize("name", ["NeuronCard", "SuperWeightCard", "ModelAnalysis"])
def test_the_documented_examples_keep_every_key_and_value(name):
    data = example(name)
    again = json.loads(record_class(name).model_validate_json(json.dumps(data)).model_dump_json())
    assert _without_names(again) == _without_names(data)


def _without_names(value):
    if isinstance(value, dict):
        return {key: _without_names(item) for key, item in value.items() if key not in ("record", "schema_version")}
    return [_without_names(item) for item in value] if isinstance(value, list) else value


OPTIONAL = [
    ("NeuronCard", "moments_cos"),
    ("NeuronCard", "enrichment"),
    ("SuperWeightCard", "cascade"),
    ("SuperWeightCard", "bootstrap"),
    ("SuperWeightCard", "moe"),
    ("SuperWeight", "confirmation"),
    ("ImpactRecord", "perplexity"),
    ("ImpactRecord", "accuracy"),
    ("RunConfig", "evaluate"),
]


@pytest.mark.parametrize(("name", "block"), OPTIONAL)
def test_optional_blocks_are_absent_never_null(name, block):
    without = {key: value for key, value in VALID[name].items() if key != block}
    record = record_class(name).model_validate_json(json.dumps(without))
    assert block not in json.loads(record.model_dump_json())
    jsonschema.validate(without, json_schema(name))
    _assert_both_refuse(name, without | {block: None})


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("NeuronCard", {"layer": "3"}),
        ("NeuronCard", {"layer": True}),
        ("NeuronCard", {"layer": 1.5}),
        ("NeuronCard", {"label": "other"}),
        ("NeuronCard", {"unknown": 1}),
        ("NeuronCard", {"record": "SuperWeightCard"}),
        ("NeuronCard", {"schema_version": 0}),
        ("NeuronCard", {"schema_version": 2}),
        ("NeuronCard", {"moments": {"var": 1.0, "skew": 1.0}}),
        ("SuperWeight", {"site": "attention"}),
        ("SuperWeight", {"published": 1}),
        ("SuperWeight", {"confirmation": VALID["SuperWeight"]["confirmation"] | {"control_coords": [[1, 2, 3]]}}),
        ("SuperWeight", {"confirmation": VALID["SuperWeight"]["confirmation"] | {"control_coords": [[1, "2"]]}}),
        ("ImpactRecord", {"factor": "Infinity"}),
        ("CommandResult", {"status": "done"}),
    ],
)
def test_we_and_a_foreign_validator_refuse_the_same(name, change):
    _assert_both_refuse(name, VALID[name] | change)


def _assert_both_refuse(name, data):
    with pytest.raises(ValidationError):
        record_class(name).model_validate_json(json.dumps(data))
    with pytest.raises(ValidationError):
        record_class(name).model_validate(data)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json_schema(name))


@pytest.mark.parametrize("name", ["NeuronCard", "SuperWeightCard", "CascadeResult", "SuperWeight"])
def test_expert_may_be_null_and_is_written(name):
    record = record_class(name).model_validate_json(json.dumps(VALID[name] | {"expert": None}))
    assert json.loads(record.model_dump_json())["expert"] is None


def test_intervals_are_read_and_written_by_their_documented_keys():
    confirmation = record_class("SuperWeight").model_validate(VALID["SuperWeight"]).confirmation
    assert (confirmation.ci_low, confirmation.ci_high) == (1.7, 2.1)
    assert {"ci_2.5", "ci_97.5"} <= json.loads(confirmation.model_dump_json()).keys()
    wrong = VALID["SuperWeight"]["confirmation"] | {"ci_low": 1.0}
    _assert_both_refuse("SuperWeight", VALID["SuperWeight"] | {"confirmation": wrong})


def test_records_cannot_be_changed():
    record = record_class("NeuronCard").model_validate(VALID["NeuronCard"])
    with pytest.raises(ValidationError, match="frozen"):
        record.layer = 3


def test_pairs_are_taken_from_lists_and_from_tuples():
    for pairs in ([[1, 2]], [(1, 2)]):
        data = VALID["SuperWeight"] | {
            "confirmation": VALID["SuperWeight"]["confirmation"] | {"control_coords": pairs},
        }
        assert record_class("SuperWeight").model_validate(data).confirmation.control_coords == [(1, 2)]


def test_one_line_shows_a_record():
    line = repr(detection_record("org/m").model_copy(update={"prompts": ["Apple" * 100]}))
    assert "\n" not in line
    assert len(line) < 1000
    assert "super_weights=<8 entries>" in line
    assert "prompts=<1 entries>" in line
    assert "threshold=Threshold(…)" in line
    assert "routing" not in line, "it is not there"
