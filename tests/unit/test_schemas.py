"""Records: what is written can be read back, by us and by a foreign validator, and nothing else can."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jsonschema
import pytest

from swa.errors import InvalidArtifactError, UsageError
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.coordinate import CoordinateText
from swa.schemas.detection import Confirmation, DetectionResult
from swa.schemas.evaluation import ImpactRecord
from swa.schemas.export import schema_text
from swa.schemas.registry import class_for, json_schema, parse_record, record_class, schema_names
from swa.schemas.validation import validate_file

ROOT = Path(__file__).parents[2]
METRICS = {"loss": 0.001, "entropy": 0.0, "topk_margin": 0.0, "stopword_mass": 0.0}
NEURON = {
    "schema_version": 1,
    "model": "allenai/OLMo-1B-0724-hf",
    "layer": 10,
    "neuron": 523,
    "expert": None,
    "moments": {"var": 2.34, "skew": 1.12, "kurt": 3.45},
    "moments_cos": {"var": 1.89, "skew": 0.98, "kurt": 2.87},
    "top_tokens_up": [{"id": 123, "tok": "Ġthe", "str": " the", "effect": 1.23}],
    "top_tokens_down": [{"id": 456, "tok": "Ġnot", "str": " not", "effect": -0.89}],
    "enrichment": [
        {"class": "digits_years", "score": 0.42, "examples": ["1999"], "mean_diff": 1.7, "n": 412, "q": 1e-9}
    ],
    "label": "prediction",
    "percentiles": {"var": 99.1, "kurt": 97.0},
}
CARD = {
    "schema_version": 1,
    "model": "allenai/OLMo-1B-0724-hf",
    "tensor": "mlp_out",
    "layer": 10,
    "row": 523,
    "col": 768,
    "expert": None,
    "module": "model.layers.10.mlp.down_proj",
    "weight": 0.61,
    "baselines": METRICS,
    "deltas": METRICS,
    "controls": {
        "random_coord_delta": METRICS,
        "random_coord_std": METRICS,
        "random_coord_max": METRICS,
        "random_coords": [[12, 40]],
        "neuron_zero_delta": METRICS,
    },
    "cascade": {"layers": [0, 4], "delta_entropy": [0.1, 0.2], "delta_margin": [-0.1, 0], "kl": [0.0, 0.1]},
    "bootstrap": {"loss": {"mean": 0.018, "ci_2.5": 0.012, "ci_97.5": 0.024, "n_windows": 58}},
    "token_shifts": {"up": [], "down": [], "total_variation": 0.1},
    "moe": {
        "p_active": 0.11,
        "co_spike_score": 0.83,
        "impact_natural": 0.2,
        "impact_interventional": 1.9,
        "causal_agreement": 0.96,
    },
}
IMPACT = {
    "variant": "sw_0",
    "coordinates": ["L11.mlp.down_proj[507,1229]"],
    "factor": 0.0,
    "perplexity": {
        "baseline": 21.3,
        "modified": "Infinity",
        "ratio": "Infinity",
        "increase": "Infinity",
        "ratio_ci_2.5": 5.6,
        "ratio_ci_97.5": "Infinity",
        "severity": "catastrophic",
    },
}
CONFIRMATION = {
    "delta_loss": 1.9,
    "ci_2.5": 1.7,
    "ci_97.5": 2.1,
    "perplexity_ratio": 6.9,
    "n_windows": 16,
    "confirmed": True,
    "improves": False,
}


@pytest.mark.parametrize(("cls", "data"), [(NeuronCard, NEURON), (SuperWeightCard, CARD), (ImpactRecord, IMPACT)])
def test_the_documented_examples_survive_a_round_trip(cls, data):
    record = cls.model_validate_json(json.dumps(data))
    again = json.loads(record.model_dump_json())
    assert {key: again[key] for key in data} == data
    assert set(again) - set(data) <= {"record", "schema_version"}
    assert class_for(data) is cls  # also without saying what it is
    jsonschema.validate(again, json_schema(cls.__name__))
    jsonschema.validate(data, json_schema(cls.__name__))


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1.5])
def test_numbers_that_are_not_finite_survive(value):
    text = Confirmation.model_validate(CONFIRMATION | {"delta_loss": value}).model_dump_json()
    assert "null" not in text
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    back = Confirmation.model_validate_json(text).delta_loss
    assert back == value or (math.isnan(back) and math.isnan(value))


@pytest.mark.parametrize(
    "change",
    [
        {"delta_loss": "1.5"},
        {"delta_loss": "inf"},
        {"delta_loss": None},
        {"delta_loss": True},
        {"n_windows": 1.5},
        {"n_windows": "3"},
        {"control_delta_loss": None},
        {"unknown": 1},
        {"confirmed": 1},
    ],
)
def test_we_and_a_foreign_validator_refuse_the_same(change):
    data = CONFIRMATION | change
    with pytest.raises(ValueError, match=r"."):
        Confirmation.model_validate_json(json.dumps(data))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, Confirmation.model_json_schema())


def test_records_cannot_be_changed():
    record = NeuronCard.model_validate_json(json.dumps(NEURON))
    with pytest.raises(ValueError, match="frozen"):
        record.layer = 3


@pytest.mark.parametrize("name", schema_names())
def test_exported_schemas_are_current(name):
    assert (ROOT / f"docs/schemas/{name}.json").read_text(encoding="utf-8") == schema_text(name)
    jsonschema.Draft202012Validator.check_schema(json_schema(name))


@pytest.mark.parametrize("name", schema_names())
def test_every_field_of_a_record_is_described(name):
    for key, field in record_class(name).model_fields.items():
        assert key in ("record",) or field.description, f"{name}.{key}"


def test_a_newer_version_is_refused_with_a_way_out():
    with pytest.raises(InvalidArtifactError, match="schema version 2") as caught:
        parse_record(json.dumps(NEURON | {"schema_version": 2}))
    assert "Update" in caught.value.hint


def test_an_unknown_record_name_is_a_usage_error():
    with pytest.raises(UsageError, match="no record 'Card'"):
        json_schema("Card")


class TestValidateFile:
    def write(self, tmp_path, text, name="cards.jsonl"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return validate_file(path)

    def test_good_lines_are_counted(self, tmp_path):
        report = self.write(tmp_path, f"{json.dumps(NEURON)}\n\n{json.dumps(CARD)}\n")
        assert (report.n_records, report.problems) == (2, ())

    def test_problems_have_their_line(self, tmp_path):
        bad = json.dumps(NEURON | {"layer": "3"})
        report = self.write(tmp_path, f"{json.dumps(NEURON)}\n{bad}\nnot json\n{{}}\n")
        assert [problem.line for problem in report.problems] == [2, 3, 4]
        assert "layer" in report.problems[0].message
        assert report.n_records == 1

    def test_a_torn_last_line_is_called_torn(self, tmp_path):
        report = self.write(tmp_path, f"{json.dumps(NEURON)}\n{json.dumps(CARD)[:50]}")
        assert report.problems[0].line == 2
        assert "torn" in report.problems[0].message

    def test_the_line_of_a_wrong_value_in_a_long_object(self, tmp_path):
        text = json.dumps(NEURON | {"neuron": "x"}, indent=1)
        report = self.write(tmp_path, text, "card.json")
        line = next(number for number, row in enumerate(text.splitlines(), 1) if '"neuron"' in row)
        assert report.problems[0].line == line

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"[1]", b'{"a": NaN}', b'{"record": "Nothing"}'])
    def test_other_content_is_invalid_and_no_crash(self, tmp_path, content):
        assert self.write(tmp_path, content, "x.json").problems

    def test_a_missing_file_is_a_usage_error(self, tmp_path):
        with pytest.raises(UsageError, match="no file"):
            validate_file(tmp_path / "none.json")

    def test_record_can_be_forced(self, tmp_path):
        path = tmp_path / "x.json"
        path.write_text(json.dumps(NEURON))
        assert validate_file(path, "SuperWeightCard").problems
        assert not validate_file(path, "NeuronCard").problems


class TestCoordinateText:
    @pytest.mark.parametrize(
        "text", ["L11.mlp.down_proj[507,1229]", "L3.mlp.experts.17.down_proj[5,9]", "decoder.layers.L3.fc2[0,1]"]
    )
    def test_prints_what_it_parsed(self, text):
        assert str(CoordinateText.parse(text)) == text

    @pytest.mark.parametrize("text", ["", "L1", "L1.mlp[1]", "mlp.down_proj[1,2]", "L-1.mlp[1,2]", "L1.mlp[1,2]x"])
    def test_refuses_what_is_none(self, text):
        with pytest.raises(UsageError, match="not a coordinate"):
            CoordinateText.parse(text)


def test_the_detection_record_names_what_the_specification_names():
    keys = set(DetectionResult.model_fields)
    assert {"iterations", "coverage", "near_misses", "super_weights", "timings", "environment", "config"} <= keys
