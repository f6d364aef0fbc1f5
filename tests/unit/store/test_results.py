"""Files of all models of a call; names of evaluation files in a model's folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from swa.errors import UsageError
from swa.store.atomic import WriteError, remove
from swa.store.names import MAX_LENGTH, distinct_name
from swa.store.results import ResultsFolder
from swa.store.tree import ModelFolder


def test_new_records_never_take_a_name_that_is_there(tmp_path):
    results = ResultsFolder(tmp_path)
    paths = []
    for _ in range(3):
        with results.new_complete_analysis() as path:
            path.write_text("{}")
            paths.append(path)
    assert len(set(paths)) == 3
    assert set(results.complete_analyses()) == set(paths)
    assert results.complete_analyses()[0] == max(paths)


def test_another_run_waits_for_its_name(tmp_path):
    code = (
        "from pathlib import Path; from swa.store.results import ResultsFolder\n"
        f"with ResultsFolder(Path({str(tmp_path)!r})).new_complete_analysis() as path:\n"
        "    path.write_text('{}'); print(path)"
    )
    with ResultsFolder(tmp_path).new_complete_analysis() as path:
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(1.5)
        path.write_text("{}")
    written, _ = other.communicate(timeout=20)
    assert written.strip() != str(path)


def test_a_file_in_the_way_is_a_usage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        ResultsFolder(tmp_path / "file").create()
    (tmp_path / "summary_plots").write_text("")
    with pytest.raises(WriteError):
        ResultsFolder(tmp_path).create_summary_plots()


def test_names_of_an_evaluation(tmp_path):
    folder = ModelFolder(tmp_path, "demo")
    folder.create(folder.items, folder.individual_analyses)
    data = tmp_path / "demo/data"
    assert folder.analysis("T") == data / "analysis_T.json"
    assert folder.combined_analysis("T") == data / "combined_analysis_T.json"
    assert folder.individual_analysis(3, "T") == data / "individual_analyses/sw_3_analysis_T.json"
    assert folder.items_of("mmlu", "sw_0_x0.5") == data / "items/mmlu_sw_0_x0.5.jsonl"
    for path in (folder.analysis("T"), folder.combined_analysis("T"), folder.analysis("U")):
        path.write_text("{}")
    assert folder.analyses() == [folder.analysis("U"), folder.analysis("T")]


@pytest.mark.parametrize("make", ["detection", "analysis", "log"])
def test_a_timestamp_is_taken_by_any_file_of_a_run(tmp_path, make):
    folder = ModelFolder(tmp_path, "demo")
    folder.create()
    assert not folder.is_taken("T")
    getattr(folder, make)("T").write_text("")
    assert folder.is_taken("T")


def test_texts_as_parts_of_file_names():
    assert distinct_name("mmlu_anatomy") == "mmlu_anatomy"
    odd = ["a/b", "a:b", "a b", "a-b", "..", "", "ä", "x" * 300, "x" * 301]
    names = [distinct_name(text) for text in odd]
    assert len(set(names)) == len(odd)
    assert all(name.isascii() and 0 < len(name) <= MAX_LENGTH for name in names)
    assert not {"..", "."} & set(names)
    assert all("/" not in name for name in names)


def test_removing(tmp_path: Path):
    remove(tmp_path / "nothing")
    (tmp_path / "a").write_text("")
    remove(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(WriteError):
        remove(tmp_path)
