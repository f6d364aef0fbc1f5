"""`swa compare`: its files, its words, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.artifacts import analysis_record, detection_record, header, save_analysis, save_detection

FILES = {"comparison.json", "comparison.md", "model_comparison.png", "depth.png", "impact.png"}


pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def results() -> Path:
    for model in ("org/model", "org/other"):
        folder = Path("results") / model.replace("/", "--")
        save_detection(folder, detection_record(model))
        save_analysis(folder, analysis_record(model))
    return Path("results")


def test_the_files_and_the_words(swa, results):
    done = swa("compare", "results")
    assert done.code == 0
    assert {path.name for path in (results / "comparison").iterdir()} == FILES
    lines = done.out.splitlines()
    assert lines[0].startswith("org/model: 3 super weights, geometric mean ratio ×3.85 [2.68, 6.05] (evaluation)")
    assert lines[2] == "comparison: results/comparison/comparison.json"
    assert len(lines) == 2 + len(FILES)
    assert swa("validate", "results/comparison/comparison.json").code == 0


def test_the_comparison_is_no_run_of_the_next_one(swa, results):
    swa("compare", "results")
    first = (results / "comparison/comparison.json").read_bytes()
    assert swa("compare", "results").code == 0
    assert (results / "comparison/comparison.json").read_bytes() == first


def test_output_is_another_folder(swa, results, monkeypatch):
    assert swa("compare", "results", "--output", "elsewhere/one").code == 0
    assert {path.name for path in Path("elsewhere/one").iterdir()} == FILES
    monkeypatch.setenv("SWA_OUTPUT", "two")
    assert swa("compare", "results").code == 0
    assert Path("two/comparison.md").exists()


def test_json_is_one_record(swa, results):
    result = swa("compare", "results", "--json").json
    assert (result["record"], result["command"]) == ("CommandResult", "compare")
    assert [model["model"] for model in result["models"]] == ["org/model", "org/other"]
    assert [model["folder"] for model in result["models"]] == ["results/org--model", "results/org--other"]
    assert result["models"][0]["headline"]["combined_ratio"] == 10.0
    assert set(result["models"][0]["files"]) == {"comparison", "markdown", "model_comparison", "depth", "impact"}


def test_json_names_the_folder_of_each_record(swa, results):
    (record,) = (results / "org--model/data").glob("detection_*.json")
    copy = Path("elsewhere") / record.name
    copy.parent.mkdir()
    copy.write_bytes((results / "org--other/data" / record.name).read_bytes())
    result = swa("compare", str(record), str(copy), "--json").json
    assert [model["folder"] for model in result["models"]] == ["results/org--model", "elsewhere"]


def test_agreement_is_said(swa, results):
    folder = Path("more/org--model")
    save_detection(folder, detection_record(run=header(dtype="bfloat16"), dtype="bfloat16"))
    done = swa("compare", "results/org--model", "more")
    assert "org/model: 2 runs agree on 3 of 3 super weights" in done.out
    assert "org/model (type bfloat16)" in done.out


def test_a_mismatch_is_refused_unless_allowed(swa, results):
    folder = Path("more/org--third")
    save_analysis(folder, analysis_record("org/third", run=header("evaluate", model="org/third", seed=7)))
    done = swa("compare", "results", "more")
    assert done.code == 2
    assert "seed: 42 in org/model" in done.err
    assert not (results / "comparison").exists()
    done = swa("compare", "results", "more", "--allow-mismatch")
    assert done.code == 0
    assert "Warning: Not measured alike: seed: 42 in org/model" in done.err
    assert "compared nevertheless" in (results / "comparison/comparison.md").read_text()
    assert swa("compare", "results", "more", "--allow-mismatch", "--quiet").err == ""


def test_verbose_names_what_was_read(swa, results):
    assert "detection_20260101_120000.json" in swa("compare", "results", "-v").err
    assert swa("compare", "results").err == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nothing",), 2, "no file or folder"),
        (("empty",), 2, "no artifacts"),
        (("broken.json",), 6, "broken.json:1:"),
        ((), 2, "Missing argument"),
    ],
)
def test_what_cannot_be_compared(swa, words, code, said):
    Path("empty").mkdir()
    Path("broken.json").write_text("{")
    done = swa("compare", *words)
    assert done.code == code
    assert said in done.err
