"""Options: what they read, how they are written, and that what is said of each is said once."""

from __future__ import annotations

import math

import pytest

from swa.cascades.options import CascadeOptions
from swa.data.options import TextOptions, WindowOptions
from swa.detection.options import DetectOptions
from swa.engine.measures.layer_choice import LayerChoice
from swa.errors import UsageError
from swa.evaluation.options import EvaluateOptions, TaskOptions
from swa.models.loading.options import LoadOptions
from swa.options import Declared, Options, options_of, restored, written
from swa.runs.options import RunOptions, WeightOptions
from swa.vocabulary.options import InterventionOptions, NeuronOptions

GROUPS = (
    LoadOptions,
    TextOptions,
    RunOptions,
    WeightOptions,
    DetectOptions,
    EvaluateOptions,
    TaskOptions,
    WindowOptions,
    InterventionOptions,
    NeuronOptions,
    CascadeOptions,
)


def declared(name: str) -> Declared:
    return next(one for group in GROUPS for one in options_of(group) if one.name == name)


class TestRange:
    """Python refuses what the command line refuses."""

    @pytest.mark.parametrize(
        ("group", "field"),
        [
            (group, one.field)
            for group in GROUPS
            for one in options_of(group)
            if one.option.minimum is not None and not one.is_list
        ],
    )
    def test_below_the_minimum(self, group, field):
        least = next(one.option.minimum for one in options_of(group) if one.field == field)
        with pytest.raises(UsageError, match=f"at least {least:g}"):
            group(**{field: type(getattr(group(), field) or 0)(least - 1)})

    def test_above_the_maximum(self):
        with pytest.raises(UsageError, match=r"--p-active-floor is 1\.5, and must be at most 1"):
            DetectOptions(p_active_floor=1.5)

    @pytest.mark.parametrize(
        "build", [lambda: DetectOptions(screens=("foo",)), lambda: EvaluateOptions(protocol="foo")]
    )
    def test_no_choice(self, build):
        with pytest.raises(UsageError, match="'foo' is none of"):
            build()

    def test_nan_is_in_no_range(self):
        with pytest.raises(UsageError, match="is nan"):
            DetectOptions(p_active_floor=math.nan)


class TestMeaning:
    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("max_memory", "4GiB", 4 << 30),
            ("max_memory", "4G", 4 << 30),
            ("max_memory", "4GB", 4 * 10**9),
            ("max_memory", "1.5 MiB", 3 << 19),
            ("max_memory", "700kb", 700_000),
            ("max_memory", "512", 512),
            ("max_memory", 512, 512),
            ("max_memory", None, None),
            ("spike_threshold", "5e1", 50.0),
            ("spike_threshold", 50, 50.0),
            ("spike_threshold", "auto", None),
            ("batch_size", "7", 7),
            ("batch_size", "auto", None),
            ("no_confirm", True, False),
            ("enable_cascade", True, True),
            ("scales", ["0", "-0", "1e-3", "-.5", 3], (0.0, 0.001, -0.5, 3.0)),
            ("scales", 0.5, (0.5,)),
            ("screen", ["gradient", "gradient"], ("gradient",)),
            ("layers", ["7", "3"], LayerChoice(layers=(7, 3))),
            ("layers", ["every:4"], LayerChoice(every=4)),
            ("layers", [], LayerChoice()),
            ("num_fewshot", None, None),
            ("num_fewshot", "2", 2),
        ],
    )
    def test_read(self, name, text, value):
        read = declared(name).read(text)
        assert read == value
        assert type(read) is type(value)
        assert "-0.0" not in str(read)

    @pytest.mark.parametrize(
        ("name", "texts", "text"),
        [
            ("max_memory", ["4G", "4GiB", "4096 mib", str(4 << 30)], "4GiB"),
            ("max_memory", ["4GB", "4000mb"], "4GB"),
            ("max_memory", ["511"], "511"),
            ("spike_threshold", ["50", "5e1", 50, 50.0], "50.0"),
            ("spike_threshold", ["auto"], "auto"),
            ("batch_size", ["07", "7", 7], "7"),
            ("scales", [["0", "-0", "0.0"], [0, 0.0]], [0.0]),
            ("layers", [["3", "5", "03"], ["5", "3"]], ["3", "5"]),
            ("layers", [["all"], ["every:1"], ["every:01"]], ["all"]),
            ("no_confirm", [True], True),
            ("data_dir", ["data", "data/"], "data"),
        ],
    )
    def test_equal_meanings_are_written_alike(self, name, texts, text):
        one = declared(name)
        assert [one.write(one.read(value)) for value in texts] == [text] * len(texts)

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            *(("max_memory", text) for text in ("", "much", "-4GiB", "4XB", "0", "0GiB")),
            *(("spike_threshold", text) for text in ("0", "-1", "nan", "inf", "x", "")),
            *(("batch_size", text) for text in ("0", "-1", "1.5", "many")),
            *(("device", text) for text in ("gpu", "cuda:", "cuda:x", "cpu:0", "")),
            *(("scales", text) for text in ("", "x", "nan", "inf", "-inf", "1e400")),
            *(("neurons", text) for text in ("3", "3:x", "a b:3")),
            *(("layers", text) for text in ("every", "every:0", "-1")),
            ("screen", "spikes"),
            ("protocol", "window"),
            ("no_confirm", "yes"),
        ],
    )
    def test_what_is_no_value_is_refused(self, name, text):
        with pytest.raises(ValueError, match=f"'{text}'"):
            declared(name).read(text)

    def test_rules_for_layers_stand_alone(self):
        with pytest.raises(UsageError, match="all beside other values"):
            declared("layers").read(["all", "3"])


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_comes_back_from_what_is_written_of_it(group):
    assert restored(group(), written(group())) == group()


def test_what_is_not_written_is_as_in_the_default():
    few = DetectOptions(router_analysis_samples=5)
    assert restored(few, {"seed": 7, "foreign": 3}) == DetectOptions(router_analysis_samples=5, seed=7)


def test_every_field_is_said_in_the_docstring():
    for group in GROUPS:
        for one in options_of(group):
            assert f"    {one.field}: " in str(group.__doc__), (group, one.field)


def _of(name: str) -> list[tuple[type[Options], Declared]]:
    return [(group, one) for group in GROUPS for one in options_of(group) if one.name == name]


@pytest.mark.parametrize("name", sorted({one.name for group in GROUPS for one in options_of(group)}))
class TestOnce:
    """An option that several groups have is the same option."""

    def test_one_type_one_meaning_one_text(self, name):
        (_, first), *others = _of(name)
        for _, other in others:
            assert other[2:] == first[2:]
            assert other.field == first.field
            assert other.option.help == first.option.help
            assert other.option.read is first.option.read

    def test_one_default(self, name):
        defaults = [getattr(group(), one.field) for group, one in _of(name)]
        assert defaults == defaults[:1] * len(defaults)
