"""A report as one HTML page that needs nothing else: figures, styles and script are inside."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from swa.reports.page.document import Cell, Document, Table
from swa.text.tokens import printable, token_label

TOKEN_LENGTH = 60
"""Characters of a token that are shown."""
N_FILTERED = 6
"""Rows from which on a table can be filtered."""


def render_html(document: Document) -> str:
    """The page.

    Every text is escaped, and its invisible characters are made visible. A content security policy allows the page's
    own style and script by their hashes, and images inside it: nothing is loaded, nothing else runs.
    """
    environment = _environment()
    style, script = (environment.get_template(name).render() for name in ("report.css", "report.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return environment.get_template("report.html.j2").render(document=document, policy=policy)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("swa.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {"token": _token, "data_uri": _data_uri, "lines": _with_lines, "sort_key": _sort_key}
    environment.tests |= {"filtered": _is_filtered, "sortable": _is_sortable}
    return environment


def _shown(value: Any) -> Any:
    """What the page says of any value; the program's own markup stays."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _token(text: str) -> str:
    return token_label(text, max_length=TOKEN_LENGTH)


def _with_lines(text: str) -> Markup:
    """Text to copy, with its line ends."""
    return Markup("{}").format(printable(text, keep="\n"))


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _sort_key(cell: Cell) -> str:
    """What the script sorts by; empty is last. Infinities are numbers there too."""
    if cell.sort is None:
        return ""
    if isinstance(cell.sort, str):
        return f"{cell.sort} "  # an empty text is not nothing
    return repr(float(cell.sort)).replace("inf", "Infinity")


def _is_filtered(table: Table) -> bool:
    return len(table.rows) >= N_FILTERED and not table.ordered


def _is_sortable(table: Table) -> bool:
    return len(table.rows) > 1 and not table.ordered


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
