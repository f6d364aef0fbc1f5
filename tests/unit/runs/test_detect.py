"""Detections of mixtures of experts: all read the text, for the routing windows are cut from it."""

from __future__ import annotations

import pytest

from swa import runs
from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.runs.files.detection import complete_detection, write_detection
from swa.store.tree import ModelFolder
from tests.support.records import detection
from tests.support.tiny_checkpoint import write_tiny_checkpoint
from tests.unit.report.moe_records import expert_weight, layer_routing, moe_detection

WITHOUT_TEXT = DetectOptions(screens=("spike",), confirm=False)


@pytest.fixture
def mixture(tmp_path) -> str:
    write_tiny_checkpoint(tmp_path / "mixture", "qwen2_moe")
    return str(tmp_path / "mixture")


def test_without_screens_that_need_it(helpful, mixture, detecting):
    runs.detect([helpful, mixture], WITHOUT_TEXT, text=TextOptions("builtin"))
    assert detecting.texts == [None, "builtin"]


def test_another_text_is_another_question(mixture, detecting, tmp_path):
    (tmp_path / "text.txt").write_text("A text of its own.\n" * 100)
    for dataset in ("builtin", "builtin", str(tmp_path / "text.txt")):
        runs.detect(mixture, WITHOUT_TEXT, text=TextOptions(dataset))
    assert len(detecting.texts) == 2


def test_options_of_experts_ask_for_nothing_in_a_dense_model(helpful, mixture, detecting):
    for samples in (10, 7):
        options = DetectOptions(screens=("spike",), confirm=False, router_analysis_samples=samples)
        runs.detect([helpful, mixture], options, text=TextOptions("builtin"))
    assert detecting.texts == [None, "builtin", "builtin"]


def test_only_records_with_routing_have_its_figure(tmp_path, undrawn):
    folder = ModelFolder(tmp_path, "m")
    folder.create()
    result = moe_detection([expert_weight(1, 1, 5, confirmed=True)], [layer_routing(1, 4, 2)], n_layers=2)
    files = write_detection(folder, "1", result)
    figure = folder.plots / "moe_analysis.png"
    assert files["moe_analysis"] == str(figure)
    figure.unlink()
    assert complete_detection(folder, folder.detection("1"), result) == files
    assert figure.read_text() == "moe_analysis, as it were"
    assert "moe_analysis" not in write_detection(folder, "2", detection())
