"""Write the JSON Schemas to a folder: `python -m swa.schemas.export docs/schemas`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from swa.schemas.registry import json_schema, schema_names


def schema_text(name: str) -> str:
    """The schema of a record as it stands in the file."""
    return json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"


def export(folder: Path) -> None:
    """Write one file a record."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in schema_names():
        (folder / f"{name}.json").write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m swa.schemas.export", description="Write the JSON Schemas.")
    parser.add_argument("folder", type=Path, help="where to write one file a record")
    export(parser.parse_args().folder)
