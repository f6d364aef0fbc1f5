"""Every document that the code refers to is in the project, and has the heading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown.extensions.toc import slugify

ROOT = Path(__file__).parents[2]
FILES = [path for suffix in ("py", "pyi", "toml") for path in sorted((ROOT / "swa").rglob(f"*.{suffix}"))]
REFERENCE = re.compile(r"\bdocs/([\w/-]+(?:\.\w+)?)(?:#([\w-]+))?")
FOREIGN = re.compile(r"(?<![\w.-])\d{1,2}-[a-z]{5,}|(?<![\w./])000\d\b")
"""Pages of elsewhere by number and name, decisions by their number alone."""


def page_of(name: str) -> Path | None:
    """The file, or the decision of this number."""
    page = ROOT / "docs" / name
    return page if page.exists() else next((ROOT / "docs").glob(f"{name}-*.md"), None)


def headings(page: Path) -> set[str]:
    """Anchors as the site has them."""
    return {slugify(title.replace("`", ""), "-") for title in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)}


def unresolved(text: str) -> list[str]:
    missing = FOREIGN.findall(text)
    for found in REFERENCE.finditer(text):
        name, anchor = found.groups()
        page = page_of(name)
        if page is None or (anchor is not None and anchor not in headings(page)):
            missing.append(found.group())
    return missing


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_references_lead_somewhere(path):
    assert unresolved(path.read_text()) == []


def test_what_leads_nowhere_is_seen():
    text = (
        "docs/methods.md#nothing, docs/none.md, 7-decisions A6, 0001, docs/decisions/0009, docs/methods.md#confirmation"
    )
    assert sorted(unresolved(text)) == ["0001", "7-decisions", "docs/methods.md#nothing", "docs/none.md"]
