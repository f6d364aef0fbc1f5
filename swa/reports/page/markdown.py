"""A report as Markdown, with links to figures that are files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import singledispatchmethod
from pathlib import Path
from urllib.parse import quote

from swa.reports.page.document import (
    Bullets,
    Charts,
    Definitions,
    Document,
    Facts,
    Fold,
    Listing,
    Paragraph,
    Picture,
    Remark,
    Section,
    Table,
)
from swa.reports.page.markdown_text import escape, inline, line_of
from swa.text.tokens import printable

DEEPEST = 6
"""Levels of headings that Markdown has."""


def render_markdown(document: Document, *, base: Path) -> str:
    """The page.

    Args:
        document: What it says.
        base: The folder it will lie in: links to figures are relative to it.
    """
    writer = _Writer(base)
    lines = [f"# {escape(document.title)}", "", line_of(document.lead)]
    for section in document.sections:
        lines += ["", *writer.lines(section, 2)]
    return "\n".join(lines) + "\n"


class _Writer:
    """The lines of each kind of block, without an empty one around them."""

    def __init__(self, base: Path) -> None:
        self._base = base

    @singledispatchmethod
    def lines(self, block: object, level: int) -> Iterable[str]:
        """The lines of a block whose heading, if it has one, is of this level."""
        raise AssertionError(f"{type(block).__name__} is no block")

    @lines.register
    def _titled(self, block: Section | Fold, level: int) -> Iterable[str]:
        title = escape(block.title) if isinstance(block, Section) else line_of(block.title)
        yield f"{'#' * min(level, DEEPEST)} {title}"
        for inside in block.blocks:
            lines = list(self.lines(inside, level + 1))
            if lines:
                yield from ("", *lines)

    @lines.register
    def _paragraph(self, block: Paragraph, level: int) -> Iterable[str]:
        return [line_of(block.words)]

    @lines.register
    def _remark(self, block: Remark, level: int) -> Iterable[str]:
        return [f"> {line_of(block.words)}"]

    @lines.register
    def _bullets(self, block: Bullets, level: int) -> Iterable[str]:
        return [f"- {line_of(item)}" for item in block.entries]

    @lines.register
    def _table(self, block: Table, level: int) -> Iterable[str]:
        yield f"*{escape(block.caption)}*"
        yield ""
        yield _row(escape(column.title) for column in block.columns)
        yield _row("---:" if column.numeric else "---" for column in block.columns)
        for row in block.rows:
            yield _row(inline(cell.words) for cell in row)

    @lines.register
    def _picture(self, block: Picture, level: int) -> Iterable[str]:
        if block.saved is not None and block.saved.exists():
            yield self._link(block.title, block.saved)

    @lines.register
    def _charts(self, block: Charts, level: int) -> Iterable[str]:
        return [self._link(block.title, path) for path in block.saved]

    @lines.register
    def _listing(self, block: Listing, level: int) -> Iterable[str]:
        fence = "```"
        while fence in block.text:
            fence += "`"
        return [f"{fence}{block.language}", *printable(block.text, keep="\n").split("\n"), fence]

    @lines.register
    def _facts(self, block: Facts, level: int) -> Iterable[str]:
        for fact in block.facts:
            detail = f" ({escape(fact.detail)})" if fact.detail else ""
            yield f"- {escape(fact.label)}: **{escape(fact.value)}**{detail}"

    @lines.register
    def _definitions(self, block: Definitions, level: int) -> Iterable[str]:
        return [f"- **{escape(word)}**: {line_of(meaning)}" for word, meaning in block.entries]

    def _link(self, title: str, path: Path) -> str:
        target = quote(Path(os.path.relpath(path, self._base)).as_posix())
        return f"![{escape(title)}]({target})"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
