"""The table of imports of docs/decisions/0009 holds: every arrow points the same way."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "swa").rglob("*.py"))
BASE = {"options", "text", "schemas", "store", "stats", "progress", "errors", "versions"}
ANALYSES = {"detection", "evaluation", "vocabulary", "cascades"}
BELOW_REPORTS = {"findings", "tables"} | BASE
BELOW_ANALYSES = {"findings", "engine", "models", "data"} | BASE
ALLOWED = {
    "errors": set(),
    "versions": set(),
    "options": {"errors"},
    "progress": set(),
    "stats": {"errors"},
    "text": {"errors"},
    "schemas": {"errors"},
    "store": {"schemas", "errors", "progress"},
    "models": BASE,
    "data": BASE,
    "engine": {"models", "data"} | BASE,
    "findings": {"schemas", "text", "stats", "store", "errors"},
    "tables": {"findings", "schemas", "text", "stats", "store", "errors"},
    **dict.fromkeys(ANALYSES, BELOW_ANALYSES),
    "reports": BELOW_REPORTS,
    "runs": {"reports"} | ANALYSES | BELOW_REPORTS | BELOW_ANALYSES,
    "cli": {"runs", "reports"} | ANALYSES | BELOW_REPORTS | BELOW_ANALYSES,
}
"""What each package may import beside itself."""
FOR_COMMANDS = ("swa.cli.declare.", "swa.cli.terminal.", "swa.cli.tables.", "swa.runs", "swa.errors", "swa.schemas.")
HEAVY = {"torch", "transformers", "datasets", "lm_eval", "matplotlib", "seaborn"}
TERMINAL = {"typer", "rich"}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imports(path: Path) -> frozenset[str]:
    """Dotted names of what a file imports, wherever in it."""
    return frozenset(_names(ast.parse(path.read_text())))


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_point_one_way(path: Path) -> None:
    package = path.relative_to(ROOT / "swa").parts[0].removesuffix(".py")
    if package not in ("__init__", "__main__"):
        own = {name.split(".")[1] for name in imports(path) if name.startswith("swa.")}
        assert own - {package} <= ALLOWED[package]


@pytest.mark.parametrize("path", sorted((ROOT / "swa/cli/commands").glob("*.py")), ids=lambda path: path.stem)
def test_commands_parse_call_and_show(path: Path) -> None:
    """They know each group of options, `swa.runs` and what shows its outcomes, and not each other."""
    own = {name for name in imports(path) if name.startswith("swa.")}
    assert {name for name in own if not name.startswith(FOR_COMMANDS) and ".options." not in name} == set()


def loaded_by(code: str) -> set[str]:
    """First parts of the names of all modules that a program loads."""
    told = f"import sys\n{code}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("packages", "absent"),
    [
        (["errors", "options", "progress", "schemas", "stats", "store", "text", "versions", "findings"], HEAVY),
        (["reports"], HEAVY - {"matplotlib", "seaborn"}),
        (["runs"], HEAVY | TERMINAL),
    ],
    ids=["base", "reports", "runs"],
)
def test_what_needs_no_model_loads_no_torch(packages: list[str], absent: set[str]) -> None:
    """Whatever stands between: all modules of these packages are imported."""
    names = [name for name in map(module_name, FILES) if name.split(".")[1:2] in [[package] for package in packages]]
    assert loaded_by("\n".join(f"import {name}" for name in names)) & absent == set()


def test_the_program_begins_with_little() -> None:
    assert loaded_by("import swa, swa.runs, swa.cli.main") & {*HEAVY, "pydantic", "numpy", "rich"} == set()


def test_names_are_the_same_objects_before_and_after_all_modules_are_imported() -> None:
    """A module of the same name would take the place of a function, as `swa.runs.steps.detect` might of `detect`."""
    modules = [name for name in map(module_name, FILES) if name != "swa.__main__"]
    code = f"""
import importlib, swa, swa.runs
before = {{(place.__name__, name): getattr(place, name) for place in (swa, swa.runs) for name in place.__all__}}
for name in {modules}:
    importlib.import_module(name)
changed = [key for key, value in before.items() if getattr(sys.modules[key[0]], key[1]) is not value]
assert len(before) > 30 and not changed, changed
"""
    assert "torch" in loaded_by(code)


def test_no_file_is_over_300_lines() -> None:
    assert [module_name(path) for path in FILES if len(path.read_text().splitlines()) > 300] == []
