"""The Python API: its names, and the examples of its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import swa
from swa import runs
from tests.support.helpful import COORDINATE, write_helpful_checkpoint

PAGE = Path(__file__).parents[2] / "docs/python.md"


def test_the_public_names_are_documented():
    for place in (swa, runs):
        assert all(getattr(place, name).__doc__ for name in place.__all__)
        assert set(place.__all__) <= set(dir(place))


@pytest.mark.parametrize("place", [swa, runs])
def test_other_names_are_none_of_ours(place):
    with pytest.raises(AttributeError, match="nothing"):
        _ = place.nothing


@pytest.mark.parametrize(("place", "number"), [(swa, 0), (runs, 1)])
def test_the_page_lists_the_stable_names(place, number):
    table = PAGE.read_text().split("## Stable names")[1].split("|---|---|\n")[number + 1].split("\n\n")[0]
    first_column = [line.split(" | ")[0] for line in table.splitlines()]
    assert sorted(re.findall(r"`(\w+)`", " ".join(first_column))) == sorted(place.__all__)


@pytest.fixture
def run_example(tmp_path, monkeypatch, capsys):
    """Runs one of the page's programs on a tiny model; the lines it prints."""

    def run(number: int) -> list[str]:
        programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
        exec(compile(programs[number].replace('"demo"', '"model"'), str(PAGE), "exec"), {})
        return capsys.readouterr().out.splitlines()

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWA_DATA_DIR", raising=False)
    write_helpful_checkpoint(Path("model"))
    return run


def test_the_commands_as_functions(run_example):
    lines = run_example(0)
    coordinate, path = lines[0].split()
    assert coordinate == COORDINATE
    assert Path(path).exists()
    assert any(COORDINATE in line and "severe" in line for line in lines), lines
    assert lines[-2:] == ["False", "results/report.html"]


def test_one_model_in_memory(run_example):
    first, impact, card, followed = run_example(1)
    assert first.startswith(COORDINATE)
    assert float(first.split()[1]) > 1
    assert impact.startswith("sw_0 ")
    assert float(impact.split()[1]) > 3
    assert float(card.split()[0]) > 1
    assert followed.startswith("[0, 1, 2, 3] [0.0, ")
