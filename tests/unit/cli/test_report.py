"""`swa report`: where it looks, where it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.artifacts import detection_record, header, save_detection, save_everything

RESULTS = Path("results")


pytestmark = pytest.mark.usefixtures("undrawn")


def test_the_files_lie_beside_the_artifacts(swa):
    save_everything(RESULTS)
    done = swa("report", "results")
    assert done.code == 0
    assert done.out.splitlines() == [
        "org/model: 3 confirmed of 8 candidates; 4 evaluated variants; 3 super-weight cards; 7 neuron cards; 1 cascade",
        "report: results/report.html",
        "markdown: results/report.md",
    ]
    assert (RESULTS / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert (RESULTS / "report.md").read_text().startswith("# Super weights of org/model\n")


def test_the_report_of_a_report_is_the_same(swa):
    save_everything(RESULTS)
    swa("report", "results")
    first = (RESULTS / "report.html").read_bytes()
    swa("report", "results")
    assert (RESULTS / "report.html").read_bytes() == first


def test_output_is_another_folder_and_links_still_lead_there(swa):
    folder = save_everything(RESULTS)
    (folder / "plots").mkdir()
    (folder / "plots/impact_comparison.png").write_bytes(b"png")
    assert swa("report", "results", "--output", "pages/one").code == 0
    text = Path("pages/one/report.md").read_text()
    link = "../../results/comprehensive_super_weight_analysis/org--model/plots/impact_comparison.png"
    assert f"({link})" in text
    assert (Path("pages/one") / link).exists()
    assert not (RESULTS / "report.md").exists()
    assert "swa report results --output pages/one" in text


def test_output_from_the_environment(swa, monkeypatch):
    save_everything(RESULTS)
    monkeypatch.setenv("SWA_OUTPUT", "elsewhere")
    assert swa("report", "results").code == 0
    assert Path("elsewhere/report.html").exists()


def test_one_model_s_folder_is_enough(swa):
    folder = save_everything(RESULTS)
    assert swa("report", str(folder)).code == 0
    assert (folder / "report.html").exists()


def test_json_is_one_record_and_nothing_else(swa):
    save_everything(RESULTS)
    done = swa("report", "results", "--json")
    result = done.json
    assert (result["record"], result["command"], result["status"]) == ("CommandResult", "report", "complete")
    (model,) = result["models"]
    assert (model["n_candidates"], model["n_confirmed"]) == (8, 3)
    assert model["files"] == {"report": "results/report.html", "markdown": "results/report.md"}
    assert model["headline"]["largest_ratio"] == 6.05


def test_notes_are_warnings_and_quiet_leaves_them_out(swa):
    save_detection(RESULTS / "org--model", detection_record(run=header(status="partial")))
    assert (
        "Warning: 'results/org--model/data/detection_20260101_120000.json' is of a run" in swa("report", "results").err
    )
    assert swa("report", "results", "--quiet").err == ""


def test_verbose_names_what_was_read(swa):
    save_everything(RESULTS)
    assert "neurons.jsonl" in swa("report", "results", "-v").err
    assert "neurons.jsonl" not in swa("report", "results").err


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_artifacts_is_refused(swa, there):
    if there:
        (RESULTS / "org--model" / "data").mkdir(parents=True)
        (RESULTS / "org--model" / "run_config.json").write_text("{}")
    done = swa("report", "results")
    assert done.code == 2
    assert "Error: There" in done.err
    assert "Hint:" in done.err


def test_an_invalid_artifact_is_refused_with_its_line(swa):
    save_everything(RESULTS)
    path = next(RESULTS.rglob("detection_*.json"))
    data = json.loads(path.read_text())
    data["super_weights"][1]["layer"] = "eleven"
    path.write_text(json.dumps(data, indent=2))
    done = swa("report", "results")
    assert done.code == 6
    assert f"{path}:" in done.err
    assert 'super_weights[1].layer must be a whole number, not "eleven".' in done.err
    assert not (RESULTS / "report.html").exists()


@pytest.mark.parametrize("name", ["neurons.jsonl", "super_weights.jsonl", "cascade.jsonl", "run_config.json"])
def test_every_kind_of_artifact_is_checked(swa, name):
    save_everything(RESULTS)
    path = next(path for path in RESULTS.rglob(name))
    path.write_text('{"schema_version": 2}\n' + path.read_text() if name.endswith("l") else '{"detect": 3}')
    done = swa("report", "results")
    assert done.code == 6
    assert f"{path}:1:" in done.err


def test_a_folder_that_cannot_be_written_is_refused(swa):
    save_everything(RESULTS)
    Path("file").write_text("")
    done = swa("report", "results", "--output", "file/pages")
    assert done.code == 2
    assert "cannot be written" in done.err
