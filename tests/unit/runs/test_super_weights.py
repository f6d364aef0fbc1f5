"""Where super weights come from: named ones, a saved detection, or a detection now."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from pydantic import MISSING

from swa.data.options import TextOptions
from swa.detection.given import given_super_weight
from swa.detection.options import DetectOptions
from swa.models.loading.load import load_model
from swa.models.loading.options import LoadOptions
from swa.progress import SilentProgress
from swa.runs.driver.call import Call
from swa.runs.driver.log import LoggedProgress
from swa.runs.driver.model_run import open_run
from swa.runs.inputs.given_weights import NamedWeights, ResolvedWeights
from swa.runs.inputs.super_weights import DETECTIONS, SuperWeightSource, super_weight_source
from swa.runs.inputs.texts import text_reader
from swa.runs.options import RunOptions, WeightOptions
from swa.schemas.coordinate import CoordinateText
from swa.schemas.detection import SuperWeight
from swa.store.names import model_folder_name
from swa.store.tree import ModelFolder
from tests.support.artifacts import header
from tests.support.helpful import COORDINATE as FIRST
from tests.support.records import confirmation, detection

SECOND, THIRD = "L1.mlp.c_proj[1,2]", "L1.mlp.c_proj[3,3]"
REFUSED = confirmation(0.001, confirmed=False)


@pytest.fixture(scope="module")
def loaded(helpful):
    return load_model(helpful)


@pytest.fixture
def scalar(loaded):
    """The record of a scalar of the model, as a detection leaves it."""

    def record(coordinate: str, **fields) -> SuperWeight:
        known = {"found_by": ["spike"], "confirmation": confirmation()} | fields
        return given_super_weight(loaded, CoordinateText.parse(coordinate)).model_copy(update=known)

    return record


@pytest.fixture
def save(helpful, loaded):
    """Leave the record of a detection of the model."""

    def saved(weights, stamp="20260101_000000", *, root=DETECTIONS, options=None, **fields) -> Path:
        folder = ModelFolder(root, model_folder_name(helpful, Path(helpful)))
        folder.create()
        values = {name: {"value": value, "origin": "command line"} for name, value in (options or {}).items()}
        run = {"weights_fingerprint": loaded.fingerprint, "dtype": "float32", "options": values}
        result = detection(weights, model=loaded.name, run=header(**(run | fields)))
        folder.detection(stamp).write_text(result.model_dump_json(indent=2))
        return folder.detection(stamp)

    return saved


def source(search: DetectOptions | None = None, *, n_models: int = 1, **weights) -> SuperWeightSource:
    """That of a call of `swa.runs.evaluate`."""
    chosen, text, run = WeightOptions(**weights), TextOptions("builtin"), RunOptions()
    search = search or DetectOptions()
    groups = [(chosen, WeightOptions()), (text, TextOptions()), (search, DetectOptions()), (run, RunOptions())]
    call = Call.of_python("evaluate", ["m"], [(LoadOptions(), LoadOptions()), *groups])
    return super_weight_source(chosen, search, call, run, text_reader(text), n_models=n_models)


def known(model, asked: SuperWeightSource, *, root=DETECTIONS, load=None) -> NamedWeights | None:
    with open_run(model, load or LoadOptions(), LoggedProgress(SilentProgress())) as run:
        return asked.known(run, run.place(Path(root), ModelFolder))


def resolved(model, asked: SuperWeightSource, *, root=DETECTIONS) -> ResolvedWeights:
    with open_run(model, LoadOptions(), LoggedProgress(SilentProgress())) as run:
        return asked.resolve(run, asked.known(run, run.place(Path(root), ModelFolder)))


def coordinates(found: ResolvedWeights) -> list[str]:
    return [weight.coordinate for weight in found.weights]


@pytest.fixture(autouse=True)
def said(caplog):
    caplog.set_level(logging.INFO, logger="swa")
    return caplog


class TestGiven:
    def test_a_mere_coordinate_becomes_a_record_of_the_model(self, loaded):
        (weight,) = resolved(loaded, source(super_weights=("L1.mlp.c_proj[ 5, 9 ]",))).weights
        assert (weight.coordinate, weight.weight) == (FIRST, 10.0)
        assert (weight.prompts, weight.found_by, weight.published) == ([], [], False)

    def test_confirmed_ones_only_unless_all_are_wanted(self, loaded, scalar, save, said):
        path = str(save([scalar(SECOND, confirmation=REFUSED), scalar(FIRST)]))
        assert coordinates(resolved(loaded, source(super_weights=(path,)))) == [FIRST]
        assert "1 super weight from --super-weights (confirmed ones of 2 candidates;" in said.text
        everything = source(super_weights=(path,), all_candidates=True)
        assert coordinates(resolved(loaded, everything)) == [SECOND, FIRST]

    def test_what_removal_never_tested_counts(self, loaded, scalar, save):
        path = str(save([scalar(SECOND, confirmation=MISSING)]))
        assert coordinates(resolved(loaded, source(super_weights=(path, FIRST)))) == [SECOND, FIRST]

    def test_each_coordinate_counts_once_and_the_first_wins(self, loaded, scalar, save):
        found = resolved(loaded, source(super_weights=(FIRST, SECOND, str(save([scalar(FIRST)])))))
        assert coordinates(found) == [FIRST, SECOND]
        assert found.weights[0].found_by == []

    def test_a_record_of_other_weights_counts_as_a_coordinate(self, loaded, scalar, save, said):
        path = str(save([scalar(FIRST, weight=0.1), scalar(SECOND, weight=scalar(SECOND).weight * 1.001)]))
        first, second = resolved(loaded, source(super_weights=(path,))).weights
        assert (first.weight, first.found_by) == (10.0, [])
        assert second.found_by == ["spike"]
        assert f"The record of {FIRST} says 0.1, the model 10:" in said.text
        assert SECOND not in said.text

    def test_of_several_models_each_gets_its_own_records(self, loaded, scalar):
        lines = [scalar(FIRST).model_dump_json(), scalar(SECOND, model="b/y").model_dump_json(), THIRD]
        Path("a.jsonl").write_text("".join(f"{line}\n" for line in lines))
        assert known(loaded, source(super_weights=("a.jsonl",), n_models=2)).coordinates == [FIRST, THIRD]
        assert known(loaded, source(super_weights=("a.jsonl",))).coordinates == [FIRST, SECOND, THIRD]


class TestSaved:
    def test_the_newest_detection_is_taken_and_said(self, loaded, scalar, save, said):
        save([scalar(FIRST)])
        newest = save([scalar(SECOND)], "20260102_000000")
        found = resolved(loaded, source())
        assert coordinates(found) == [SECOND]
        assert f"1 super weight from '{newest}'." in said.text
        assert found.files == {"detection": str(newest)}

    def test_confirmed_ones_only_unless_all_are_wanted(self, loaded, scalar, save):
        save([scalar(FIRST), scalar(SECOND, confirmation=REFUSED)])
        assert known(loaded, source()).coordinates == [FIRST]
        assert known(loaded, source(all_candidates=True)).coordinates == [FIRST, SECOND]

    def test_all_of_a_detection_without_confirmation(self, loaded, scalar, save):
        save([scalar(FIRST, confirmation=MISSING), scalar(SECOND, confirmation=MISSING)])
        assert known(loaded, source()).coordinates == [FIRST, SECOND]

    @pytest.mark.parametrize(
        "search",
        [
            {"spike_threshold": 30.0},
            {"screens": ("spike",)},
            {"screen_top": 5},
            {"max_iterations": 3},
            {"prompts": ("Hi",)},
            {"confirm": False},
        ],
        ids=str,
    )
    def test_another_detection_than_asked_for_is_not_taken(self, loaded, scalar, save, search):
        save([scalar(FIRST)])
        assert known(loaded, source(DetectOptions(**search))) is None

    def test_defaults_ask_for_nothing(self, loaded, scalar, save):
        save([scalar(FIRST)], options={"spike_threshold": 30.0, "seed": 3, "screen": ["spike"]})
        assert known(loaded, source()).coordinates == [FIRST]

    def test_the_type_counts_and_not_how_it_was_named(self, helpful, scalar, save):
        save([scalar(FIRST)], options={"dtype": "float32"})
        for dtype in ("auto", "float32"):
            assert known(helpful, source(), load=LoadOptions(dtype=dtype)).coordinates == [FIRST]
        assert known(helpful, source(), load=LoadOptions(dtype="bfloat16")) is None

    def test_other_weights_are_another_model(self, loaded, scalar, save):
        save([scalar(FIRST)], weights_fingerprint="others")
        assert known(loaded, source()) is None

    def test_the_own_folder_comes_before_the_default_one(self, loaded, scalar, save):
        save([scalar(FIRST)])
        assert known(loaded, source(), root="other").coordinates == [FIRST]
        save([scalar(SECOND)], root=Path("other"))
        assert known(loaded, source(), root="other").coordinates == [SECOND]

    def test_a_broken_record_is_named(self, loaded, scalar, save, said):
        path = save([scalar(FIRST)])
        path.with_name("detection_99990101_000000.json").write_text("{")
        assert known(loaded, source()).coordinates == [FIRST]
        assert "99990101_000000.json' is no valid detection record" in said.text


def test_without_any_it_detects(loaded, detecting, said):
    search = DetectOptions(spike_threshold=30.0)
    found = resolved(loaded, source(search))
    assert detecting.asked == [search]
    assert coordinates(found) == [FIRST]
    assert "No saved detection fits; detecting first." in said.text
    assert known(loaded, source(search)).files == found.files
