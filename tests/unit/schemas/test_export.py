"""The exported JSON Schemas: current, valid themselves, and every key explained."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import jsonschema
import pytest

from swa.schemas.export import schema_text
from swa.schemas.registry import json_schema, schema_names

FOLDER = Path(__file__).parents[3] / "docs" / "schemas"


def test_there_is_one_file_a_record():
    assert sorted(path.name for path in FOLDER.iterdir()) == [f"{name}.json" for name in schema_names()]


@pytest.mark.parametrize("name", schema_names())
def test_the_files_are_current(name):
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert text == schema_text(name), "run: python -m swa.schemas.export docs/schemas"
    assert text.endswith("}\n")


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_one_and_explains_every_key(name):
    schema = json_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    for part in (schema, *schema.get("$defs", {}).values()):
        if part.get("type") == "object":
            assert part["additionalProperties"] is False
            assert part["description"]
            for key, entry in part["properties"].items():
                # A description equal to that of the block it refers to stands there alone.
                assert entry.get("description") or "$ref" in entry or key == "record", f"{part['title']}.{key}"


def test_the_module_writes_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["export", str(tmp_path / "new")])
    monkeypatch.delitem(sys.modules, "swa.schemas.export")
    runpy.run_module("swa.schemas.export", run_name="__main__")
    assert sorted(path.stem for path in (tmp_path / "new").iterdir()) == schema_names()
