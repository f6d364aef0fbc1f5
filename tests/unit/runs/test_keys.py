"""Keys of records: another value of an option changes them exactly where the option says that it changes something.

That the records themselves change there, and nowhere else, is shown on planted models in `integration/test_flips.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import JsonValue

from swa.errors import UsageError
from swa.options import Declared, changing, options_of, written
from swa.runs.driver import keys
from swa.runs.driver.configurations import check_configuration
from swa.runs.driver.keys import EXPERT_OPTIONS, Facts, RecordPart, asks_the_same, has_values, is_same_work, record_key
from swa.runs.options import RunOptions
from swa.schemas.run import Configuration, EffectiveOption, RunHeader

FACTS = Facts("weights", None, "float32", "text")
PARTS = {
    "detection": keys.DETECTION,
    "evaluation": keys.EVALUATION,
    "super_weights": keys.SUPER_WEIGHTS,
    "neurons": keys.NEURONS,
    "census": keys.CENSUS,
    "cascade": keys.CASCADE,
}
FLIPPED: dict[str, JsonValue] = {
    "dtype": "bfloat16",
    "device": "cpu",
    "max_memory": "4GiB",
    "revision": "abc",
    "cache_dir": "cache",
    "dataset": "builtin",
    "data_dir": "data",
    "spike_threshold": "auto",
    "batch_size": "7",
    "screen": ["spike"],
    "prompt": ["Hello."],
    "scales": [0.0, 0.5],
    "protocol": "windows",
    "accuracy_tasks": ["mmlu"],
    "num_fewshot": 0,
    "neurons": ["1:2"],
    "layers": ["all"],
    "p_active_floor": 0.5,
    "co_spike_threshold": 0.5,
}
"""Another value of each option for which a number one higher, or the other truth, will not do."""


def flipped(name: str, value: JsonValue) -> dict[str, JsonValue]:
    if name in FLIPPED:
        return {name: FLIPPED[name]}
    assert isinstance(value, int), name
    return {name: not value if isinstance(value, bool) else value + 1}


def header(values: dict[str, JsonValue], **changes) -> RunHeader:
    options = {name: {"value": value, "origin": "default"} for name, value in values.items()}
    content = {
        "command": "x",
        "command_line": ["swa", "x"],
        "options": options,
        "seed": 42,
        "model": "demo",
        "revision": None,
        "weights_fingerprint": "weights",
        "dtype": "float32",
        "device": "cpu",
        "versions": {},
        "dataset_fingerprint": "text",
        "started": "2026-01-01T00:00:00Z",
        "ended": None,
        "status": "complete",
    }
    return RunHeader.model_validate_json(json.dumps(content | changes))


def _cases() -> list[tuple[str, str]]:
    return [
        (name, one.name) for name, part in PARTS.items() for group in part.groups for one in options_of(type(group))
    ]


def _declared(part: RecordPart, name: str) -> list[Declared]:
    return [one for group in part.groups for one in options_of(type(group)) if one.name == name]


@pytest.mark.parametrize(("name", "option"), sorted(set(_cases())))
def test_the_key_changes_exactly_where_the_option_says_so(name, option):
    part = PARTS[name]
    values = written(*part.groups)
    if option in ("window_len", "stride", "tokens") and "protocol" in values:
        values["protocol"] = "windows"  # else they do not act
    before = record_key(part, values, FACTS)
    after = record_key(part, values | flipped(option, values[option]), FACTS)
    counts = any(one.option.changes in part.kinds and one.option.fact is None for one in _declared(part, option))
    assert (before.key != after.key) == counts
    assert is_same_work(part, header(values), values | flipped(option, values[option]), FACTS) == (not counts)


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("fact", Facts._fields)
def test_each_fact_counts(part, fact):
    values = written(*part.groups)
    assert record_key(part, values, FACTS).key != record_key(part, values, FACTS._replace(**{fact: "other"})).key


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_options_of_other_parts_and_manners_do_not_count(part):
    values = written(*part.groups)
    others = written(RunOptions(force=True, results_dir=Path("other"))) | {"json": True, "foreign": 3}
    assert record_key(part, values, FACTS) == record_key(part, others | values, FACTS)


def test_what_each_kind_of_records_depends_on():
    """In words, for whoever changes it: these names stand in `run_config.json` of every run."""
    found = {name: set(record_key(part, {}, FACTS).values) - set(Facts._fields) for name, part in PARTS.items()}
    windows = {"tokens", "window_len", "stride", "drop_first_token", "batch_size", "max_memory"}
    always = {"scales", "skip_individual", "skip_combined", "skip_perplexity", "skip_accuracy"}
    assert found == {
        "detection": {"screen", "screen_top", "spike_threshold", "max_iterations", "prompt", "no_confirm"}
        | {"seed", "max_memory", "batch_size"}
        | EXPERT_OPTIONS,
        "evaluation": always
        | {"seed", "batch_size", "max_memory", "protocol", "perplexity_samples"}
        | {"accuracy_tasks", "accuracy_samples", "num_fewshot", "data_dir"},
        "super_weights": windows | {"seed", "control_samples", "bootstrap", "enable_cascade", "top_tokens"},
        "neurons": {"seed", "enable_cosine", "enable_enrichment", "top_tokens"},
        "census": {"seed"},
        "cascade": windows | {"layers"},
    }


class TestMeaning:
    @pytest.mark.parametrize(
        ("part", "before", "now"),
        [
            (keys.DETECTION, {"max_memory": "4G"}, {"max_memory": "4GiB"}),
            (keys.DETECTION, {"spike_threshold": "50"}, {"spike_threshold": 50.0}),
            (keys.DETECTION, {"screen": ["spike", "spike"]}, {"screen": ["spike"]}),
            (keys.DETECTION, {"batch_size": "07"}, {"batch_size": "7"}),
            (keys.EVALUATION, {"scales": [0, "-0", 0.5]}, {"scales": [0.0, 0.5]}),
            (keys.EVALUATION, {"accuracy_tasks": ["mmlu", "mmlu"]}, {"accuracy_tasks": ["mmlu"]}),
            (keys.CASCADE, {"layers": ["5", "3"]}, {"layers": ["3", "5", "5"]}),
            (keys.CASCADE, {"layers": ["every:1"]}, {"layers": ["all"]}),
        ],
    )
    def test_other_words_for_it_are_the_same_work(self, part, before, now):
        values = written(*part.groups)
        assert is_same_work(part, header(values | before), values | now, FACTS)
        assert record_key(part, values | before, FACTS) == record_key(part, values | now, FACTS)

    def test_the_type_counts_as_what_it_came_to(self):
        part = keys.EVALUATION
        auto, named = ({**written(*part.groups), "dtype": dtype} for dtype in ("auto", "float32"))
        assert is_same_work(part, header(auto), named, FACTS)
        assert is_same_work(part, header(named), auto, FACTS)
        assert not is_same_work(part, header(auto), named | {"dtype": "bfloat16"}, FACTS._replace(dtype="bfloat16"))
        assert not is_same_work(part, header(auto, dtype="bfloat16"), named, FACTS)

    def test_where_only_the_weights_say_the_type_the_same_words_mean_the_same(self):
        part = keys.EVALUATION
        values = written(*part.groups)
        unknown = FACTS._replace(dtype="auto")
        assert is_same_work(part, header(values, dtype="float16"), values, unknown)
        assert not is_same_work(part, header(values, dtype="float16", weights_fingerprint="others"), values, unknown)

    def test_what_a_saved_run_did_not_know_is_as_in_the_default(self):
        values = written(*keys.DETECTION.groups)
        older = {name: value for name, value in values.items() if name != "screen_top"}
        assert is_same_work(keys.DETECTION, header(older), values, FACTS)
        assert not is_same_work(keys.DETECTION, header(older), values | {"screen_top": 5}, FACTS)

    @pytest.mark.parametrize("broken", [{"screen": ["other"]}, {"scales": 3, "seed": "x"}, {"batch_size": None}])
    def test_a_saved_run_that_cannot_be_read_is_another(self, broken):
        values = written(*keys.DETECTION.groups)
        assert not is_same_work(keys.DETECTION, header(values | broken), values, FACTS)


class TestIdle:
    def test_windows_under_paragraphs_and_paragraphs_under_windows(self):
        part = keys.EVALUATION
        values = written(*part.groups)
        assert is_same_work(part, header(values), values | {"tokens": 99, "window_len": 900, "stride": 9}, FACTS)
        windows = values | {"protocol": "windows"}
        assert is_same_work(part, header(windows), windows | {"perplexity_samples": 9}, FACTS)
        assert not is_same_work(part, header(windows), windows | {"tokens": 99}, FACTS)

    def test_what_is_skipped_has_no_options(self):
        part = keys.EVALUATION
        values = written(*part.groups)
        texts = values | {"skip_accuracy": True}
        others = {"accuracy_tasks": ["mmlu"], "accuracy_samples": 7, "num_fewshot": 2, "data_dir": "data"}
        assert is_same_work(part, header(texts), texts | others, FACTS)
        tasks = values | {"skip_perplexity": True}
        assert is_same_work(part, header(tasks), tasks | {"protocol": "windows", "perplexity_samples": 7}, FACTS)
        assert not is_same_work(part, header(tasks), tasks | {"seed": 7}, FACTS)

    @pytest.mark.parametrize("option", sorted(EXPERT_OPTIONS))
    def test_options_for_experts_in_dense_models(self, option):
        values = written(*keys.DETECTION.groups)
        other = values | flipped(option, values[option])
        assert not is_same_work(keys.DETECTION, header(values), other, FACTS)
        assert is_same_work(keys.DETECTION, header(values), other, FACTS, idle=EXPERT_OPTIONS)


class TestFiles:
    """A file of records takes no records of another key."""

    VALUES = written(*keys.SUPER_WEIGHTS.groups)
    WANTED = record_key(keys.SUPER_WEIGHTS, VALUES, FACTS)

    def refusal(self, saved: Configuration | None, wanted: Configuration = WANTED) -> str:
        with pytest.raises(UsageError, match="of another configuration") as error:
            check_configuration(keys.SUPER_WEIGHTS, Path("cards.jsonl"), wanted, saved)
        return error.value.message

    def test_the_same(self):
        check_configuration(keys.SUPER_WEIGHTS, Path("cards.jsonl"), self.WANTED, self.WANTED)

    def test_of_an_older_program_in_other_words(self):
        size = record_key(keys.SUPER_WEIGHTS, self.VALUES | {"max_memory": "4GiB"}, FACTS)
        older = Configuration(key="other", values={**size.values, "max_memory": "4G"})
        check_configuration(keys.SUPER_WEIGHTS, Path("cards.jsonl"), size, older)

    def test_what_differs_is_said(self):
        values = self.VALUES | {"bootstrap": 500, "enable_cascade": True, "max_memory": "4GB"}
        facts = Facts("others", "abc", "bfloat16", None)
        text = self.refusal(record_key(keys.SUPER_WEIGHTS, values, facts))
        for words in (
            "the weights are others",
            "the revision is another",
            "the text is another",
            "--dtype was bfloat16 and is now float32",
            "--bootstrap was 500 and is now 0",
            "--enable-cascade was given and is now not given",
            "--max-memory was 4GB and is now not given",
        ):
            assert words in text
        assert "--tokens" not in text

    def test_nothing_says_which(self):
        assert "run_config.json does not say which" in self.refusal(None)


def effective(values: dict[str, JsonValue]) -> dict[str, EffectiveOption]:
    return {name: EffectiveOption(value=value, origin="default") for name, value in values.items()}


class TestContinued:
    NOW = written(*(group for group in keys.EVALUATION.groups), *keys.DETECTION.groups, RunOptions())

    def test_the_same_in_other_words_goes_on(self):
        now = self.NOW | {"max_memory": "4GiB", "force": True}
        assert asks_the_same(effective(self.NOW | {"max_memory": "4G", "device": "cpu"}), effective(now))

    @pytest.mark.parametrize("option", ["seed", "scales", "accuracy_tasks", "screen", "dtype", "no_confirm"])
    def test_another_question_does_not(self, option):
        other = self.NOW | flipped(option, self.NOW[option])
        assert not asks_the_same(effective(other), effective(self.NOW))

    def test_nor_does_what_cannot_be_read(self):
        assert not asks_the_same(effective(self.NOW | {"seed": "x"}), effective(self.NOW))


def test_a_saved_detection_has_the_values_that_are_asked_for():
    run = header(written(*keys.DETECTION.groups) | {"spike_threshold": "5e1"})
    assert has_values(run, {"spike_threshold": "50.0", "screen_top": 64})
    assert not has_values(run, {"screen_top": 65})
    assert not has_values(header({"screen": ["other"]}), {"screen_top": 64})


def test_options_that_change_nothing_are_few():
    groups = [type(group) for part in PARTS.values() for group in part.groups]
    assert changing(groups, ["nothing"]) == {"device", "cache_dir", "trust_remote_code"}
