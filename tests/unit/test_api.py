"""The Python API: the functions, whatever has been imported before, and the example of its page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import swa
from tests.support.helpful import COORDINATE, write_helpful_checkpoint

PAGE = Path(__file__).parents[2] / "docs/python.md"


def test_the_public_names_are_functions_and_their_options():
    import swa.cascades.analysis
    import swa.detection.analysis

    assert swa.detect is swa.detection.analysis.detect
    assert swa.cascade is swa.cascades.analysis.cascade
    assert all(callable(getattr(swa, name)) for name in swa.__all__)
    assert all(getattr(swa, name).__doc__ for name in swa.__all__)
    assert set(swa.__all__) <= set(dir(swa))


def test_other_names_are_none_of_ours():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = swa.nothing


def test_importing_the_package_imports_nothing_else():
    code = "import sys, swa; print({'torch', 'transformers', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_page_lists_the_stable_names():
    listed = re.findall(
        r"`(\w+)`", PAGE.read_text().split("## Stable names")[1].split("\n\n")[1].partition("|---|---|")[2]
    )
    assert {name for name in listed if name in swa.__all__} == set(swa.__all__)


def test_the_example_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_helpful_checkpoint(Path("model"))
    example = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(compile(example[1].replace('"demo"', '"model"'), str(PAGE), "exec"), {})
    first, impact, card, followed = capsys.readouterr().out.splitlines()
    assert first.startswith(COORDINATE)
    assert float(first.split()[1]) > 1
    assert impact.startswith("sw_0 ")
    assert float(impact.split()[1]) > 3
    assert float(card.split()[0]) > 1
    assert followed.startswith("[0, 1, 2, 3] [0.0, ")
