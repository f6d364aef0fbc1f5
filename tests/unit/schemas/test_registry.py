"""Which record an object is, and reading it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from swa.errors import InvalidArtifactError, UsageError
from swa.schemas.registry import class_for, json_schema, parse_record, record_class, schema_names

from .samples import VALID

PUBLIC = """NeuronCard SuperWeightCard SuperWeight DetectionResult ImpactRecord ItemRecord ModelAnalysis
CompleteAnalysis CascadeResult RunConfig CrossModelSummary Comparison CommandResult""".split()


def test_all_public_records_are_known():
    assert set(PUBLIC) <= set(schema_names())
    assert schema_names() == sorted(schema_names())


@pytest.mark.parametrize("name", schema_names())
def test_objects_are_recognised_with_and_without_saying_what_they_are(name):
    assert type(parse_record(json.dumps(VALID[name]))) is record_class(name)
    assert class_for({"record": name}) is record_class(name)
    assert type(parse_record(json.dumps(VALID[name]), name)) is record_class(name)


@pytest.mark.parametrize("name", ["NeuronCard", "SuperWeightCard"])
def test_cards_of_older_scripts_have_no_version(name):
    old = {key: value for key, value in VALID[name].items() if key != "schema_version"}
    assert parse_record(json.dumps(old).encode()).schema_version == 1


def test_a_nearly_complete_card_is_named():
    incomplete = {key: value for key, value in VALID["SuperWeightCard"].items() if key != "row"}
    with pytest.raises(InvalidArtifactError, match="nearest, SuperWeightCard, needs the key 'row'") as caught:
        parse_record(json.dumps(incomplete))
    assert "--record" in caught.value.hint


@pytest.mark.parametrize("data", [{}, {"foo": 1}, {"schema_version": 1}])
def test_a_foreign_object_is_none_of_them(data):
    with pytest.raises(InvalidArtifactError, match="none of the known records"):
        class_for(data)


@pytest.mark.parametrize("claimed", ["Nothing", "", 5, [1], {"a": 1}, True])
def test_an_unknown_claim_is_invalid(claimed):
    with pytest.raises(InvalidArtifactError, match="is not known"):
        class_for({"record": claimed})


def test_another_record_than_asked_for_is_invalid():
    with pytest.raises(InvalidArtifactError, match="This is a NeuronCard, not a SuperWeight"):
        class_for({"record": "NeuronCard"}, "SuperWeight")


def test_a_newer_version_is_refused_with_a_way_out():
    with pytest.raises(InvalidArtifactError, match="schema version 2; this program knows 1") as caught:
        parse_record(json.dumps(VALID["NeuronCard"] | {"schema_version": 2, "key_of_the_future": 1}))
    assert "Update" in caught.value.hint


def test_a_misfit_is_one_sentence():
    with pytest.raises(InvalidArtifactError, match=r'^This is no NeuronCard: layer must be a whole number, not "x"\.$'):
        parse_record(json.dumps(VALID["NeuronCard"] | {"layer": "x"}))


def test_an_unknown_name_is_a_usage_error():
    for call in (json_schema, record_class, lambda name: parse_record("{}", name)):
        with pytest.raises(UsageError, match="no record 'Card'"):
            call("Card")


def test_the_registry_loads_no_record_and_nothing_heavy():
    code = (
        "import sys, swa.schemas.registry as registry; registry.schema_names(); "
        "print([name for name in ('numpy', 'torch', 'swa.schemas.cards', 'swa.schemas.detection') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
