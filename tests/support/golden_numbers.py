"""The headline numbers of the golden calls: `python -m tests.support.golden_numbers` writes them as they are now.

Figures are made but not drawn, which would take longer than all the rest; `tests.support.golden` compares them.
"""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from matplotlib.figure import Figure
from PIL import Image

import swa
from swa.cli.main import run
from tests.support.golden_calls import Call, calls
from tests.support.planted_models import write_planted_models

STORED = Path(__file__).parents[1] / "integration" / "golden.json"
Headline = dict[str, float | str]


def headlines(folder: Path) -> dict[str, dict[str, Headline]]:
    """Call → model → its numbers, rounded to 1e-4; what is not finite is a word."""
    write_planted_models(folder / "models")
    with chdir(folder), patch.object(Figure, "savefig", _save_blank):
        return {call.name: _headlines(call) for call in calls("models")}


def _save_blank(figure: Figure, file: Any, **_choices: Any) -> None:
    Image.new("RGB", (1, 1)).save(file, format="png")


def _headlines(call: Call) -> dict[str, Headline]:
    out = io.StringIO()
    with redirect_stdout(out):
        code = run([*call.command_line, "--json", "--quiet"])
    assert code == 0, call.name
    found = {}
    for model in json.loads(out.getvalue())["models"]:
        numbers = {name: model[name] for name in ("n_candidates", "n_confirmed")} | model["headline"]
        found[Path(model["model"]).name] = {
            name: value if isinstance(value, str) else round(value, 4) + 0.0  # no -0.0
            for name, value in numbers.items()
        }
    return found


def write(path: Path = STORED) -> None:
    """Store the numbers of this checkout."""
    with tempfile.TemporaryDirectory() as folder:
        golden = {"numbers": swa.NUMBERS, "calls": headlines(Path(folder))}
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    write()
