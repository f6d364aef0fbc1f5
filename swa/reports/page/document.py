"""What a report consists of, before it is Markdown or HTML: sections of blocks, blocks of spans.

All text is plain: whatever a model, a tokenizer or a user put into it stands there as characters. The renderers alone
know what has to be escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, TypeAlias

from swa.reports.page.shapes import Chart


class Code(NamedTuple):
    """Text that a program reads: coordinates, options, paths."""

    text: str
    kind: str = "code"


class Token(NamedTuple):
    """The text of a token, whose blanks and invisible characters are to be seen."""

    text: str
    kind: str = "token"


class Strong(NamedTuple):
    """Text that is to be seen first."""

    text: str
    kind: str = "strong"


class Link(NamedTuple):
    """A page elsewhere; nothing is loaded from it."""

    text: str
    target: str
    kind: str = "link"


Span = str | Code | Token | Strong | Link
Words = tuple[Span, ...]


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        words: What stands there.
        sort: What it is sorted by; `None` is last in either direction.
        tone: A severity, or a word for a verdict, that colours it.
    """

    words: Words
    sort: float | str | None = None
    tone: str = ""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        title: Its name.
        numeric: Whether its cells are numbers.
    """

    title: str
    numeric: bool = False


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    kind: ClassVar[str] = "paragraph"
    words: Words


@dataclass(frozen=True)
class Bullets:
    """A list."""

    kind: ClassVar[str] = "bullets"
    entries: tuple[Words, ...]


@dataclass(frozen=True)
class Remark:
    """Something that changes how numbers are to be read."""

    kind: ClassVar[str] = "remark"
    words: Words


@dataclass(frozen=True)
class Table:
    """A table that people sort and filter.

    Attributes:
        caption: What it shows.
        columns: Its columns.
        rows: One cell a column.
        ordered: Whether the rows have an order of their own and stay in it.
    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    ordered: bool = False


@dataclass(frozen=True)
class Picture:
    """A figure of pixels.

    Attributes:
        title: What it shows, in a line; also its text for those who cannot see it.
        png: The figure.
        saved: Where the same figure lies as a file, for pages that link instead of embedding.
    """

    kind: ClassVar[str] = "picture"
    title: str
    png: bytes
    saved: Path | None = None


@dataclass(frozen=True)
class Charts:
    """Small drawings side by side, in the page's own colours; pages without drawings link to files.

    Attributes:
        title: What they show together.
        charts: The drawings.
        saved: Where figures of the same numbers lie.
    """

    kind: ClassVar[str] = "charts"
    title: str
    charts: tuple[Chart, ...]
    saved: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Listing:
    """Text to copy."""

    kind: ClassVar[str] = "listing"
    text: str
    language: Literal["sh", "bibtex"]


class Fact(NamedTuple):
    """A number to look at first.

    Attributes:
        label: What it is.
        value: The number.
        detail: Its interval or unit.
        tone: A severity that colours it.
    """

    label: str
    value: str
    detail: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Facts:
    """Numbers to look at first."""

    kind: ClassVar[str] = "facts"
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Definitions:
    """Words and what they mean."""

    kind: ClassVar[str] = "definitions"
    entries: tuple[tuple[str, Words], ...]


@dataclass(frozen=True)
class Fold:
    """Blocks that open below a line.

    Attributes:
        title: The line.
        blocks: What opens.
        is_open: Whether it is open from the start.
    """

    kind: ClassVar[str] = "fold"
    title: Words
    blocks: tuple[Block, ...]
    is_open: bool = False


@dataclass(frozen=True)
class Section:
    """A titled part.

    Attributes:
        title: The heading.
        anchor: Its name in links: letters, digits and dashes of the program's own.
        blocks: What stands in it, further sections included.
    """

    kind: ClassVar[str] = "section"
    title: str
    anchor: str
    blocks: tuple[Block, ...]


Block: TypeAlias = (
    Paragraph | Bullets | Remark | Table | Picture | Charts | Listing | Facts | Definitions | Fold | Section
)


@dataclass(frozen=True)
class Document:
    """A whole report.

    Attributes:
        title: Its name.
        lead: One sentence below it.
        sections: Its parts.
    """

    title: str
    lead: Words
    sections: tuple[Section, ...]
