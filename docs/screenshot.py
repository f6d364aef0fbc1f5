"""Draw what `swa detect` showed as an SVG: `python docs/screenshot.py RECORD.json "COMMAND" docs/detect-demo.svg`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console

from swa.cli.detect_show import headline
from swa.cli.detect_table import build_table, chosen
from swa.schemas.detection import DetectionResult


def draw(record: Path, command: str) -> str:
    """The terminal after the command, from the record that it wrote."""
    result = DetectionResult.model_validate_json(record.read_bytes())
    console = Console(record=True, width=124, file=io.StringIO(), force_terminal=True, highlight=False)
    console.print(f"$ {command}", style="bold")
    console.print(headline(result), soft_wrap=False)
    console.print()
    shown = chosen(result.super_weights, everything=False)
    console.print(build_table(shown, console))
    console.print(f"and {len(result.super_weights) - len(shown)} more candidates")
    return console.export_svg(title="swa")


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(draw(Path(sys.argv[1]), sys.argv[2]), encoding="utf-8")
