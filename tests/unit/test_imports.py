"""The table of imports of docs/decisions/0009 holds: every arrow points the same way."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ANALYSES = {"detection", "evaluation", "vocabulary", "cascades"}
BASE = {"options", "text", "schemas", "store", "stats", "progress", "errors", "versions"}
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
    **dict.fromkeys(ANALYSES, {"findings", "engine", "models", "data"} | BASE),
    "reports": {"findings", "tables"} | BASE,
    "runs": {"reports", "findings", "tables", "engine", "models", "data"} | ANALYSES | BASE,
    "cli": {"runs", "reports", "findings", "tables", "engine", "models", "data"} | ANALYSES | BASE,
}
NO_TORCH = {
    "versions",
    "options",
    "errors",
    "progress",
    "stats",
    "schemas",
    "store",
    "text",
    "findings",
    "tables",
    "reports",
    "runs",
    "cli",
}


def _imports(path: Path) -> tuple[set[str], set[str]]:
    """Packages of swa that a file imports, and foreign packages it imports when it is loaded itself."""
    tree = ast.parse(path.read_text())
    own: set[str] = set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "swa":
                names = [f"swa.{alias.name}" for alias in node.names]
        own |= {name.split(".")[1] for name in names if name.startswith("swa.")}
    foreign = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            foreign |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            foreign.add(node.module.split(".")[0])
    return own, foreign


FILES = sorted((ROOT / "swa").rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    package = path.relative_to(ROOT / "swa").parts[0].removesuffix(".py")
    if package in ("__init__", "__main__"):
        return
    own, foreign = _imports(path)
    assert own - {package} <= ALLOWED[package]
    if package in NO_TORCH:
        assert not foreign & {"torch", "transformers", "datasets", "lm_eval", "matplotlib", "seaborn"}


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("swa.cli.main", ["torch", "pydantic", "numpy", "rich"]),
        ("swa.cli.main, swa.schemas.registry, swa.store, swa.runs.driver.keys", ["torch"]),
    ],
)
def test_the_help_page_loads_little(modules: str, absent: list[str]) -> None:
    code = f"import sys, {modules}; print([name for name in {absent} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_no_file_is_over_300_lines() -> None:
    assert [str(p) for p in FILES if len(p.read_text().splitlines()) > 300] == []
