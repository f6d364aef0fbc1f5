"""Spans as Markdown (GitHub's dialect): whatever a text holds, it stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from swa.reports.page.document import Code, Span, Strong, Token
from swa.text.tokens import printable, token_label

_SPECIAL = re.compile(r"""[\\`*{}<>~$&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|!(?=\[)|\](?=[(:\[])""")
"""What is Markdown or HTML where it stands: an underscore inside a word, or brackets alone, are not."""
_BEGINS_A_BLOCK = re.compile(r"[-+=#]|\[|\d+(?=[.)])")
_TOKEN_LENGTH = 60


def escape(text: str) -> str:
    """Plain text in which no character is Markdown or HTML, and none is hidden."""
    return _SPECIAL.sub(r"\\\g<0>", printable(text)).replace("|", "&#124;")


def code_span(text: str) -> str:
    """Text as code, whatever backticks and bars it holds: a bar would end a cell of a table."""
    text = printable(text)
    if "|" in text:
        return f"<code>{escape(text)}</code>"
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def line_of(spans: Sequence[Span]) -> str:
    """Spans as one line that begins no list, heading or table."""
    text = inline(spans)
    begin = _BEGINS_A_BLOCK.match(text)
    if begin is None:
        return text
    sign = begin.group(0)
    return f"{sign}\\{text[len(sign) :]}" if sign.isdecimal() else f"\\{text}"


def inline(spans: Sequence[Span]) -> str:
    """Spans inside a line."""
    merged: list[Span] = []
    for span in spans:
        if isinstance(span, str) and merged and isinstance(merged[-1], str):
            merged[-1] += span  # what stands side by side is one text: "]" and "(" together would be a link
        else:
            merged.append(span)
    return "".join(map(_span, merged)).strip()


def _span(span: Span) -> str:
    if isinstance(span, str):
        return escape(span)
    if isinstance(span, Code):
        return code_span(span.text)
    if isinstance(span, Token):
        return code_span(token_label(span.text, max_length=_TOKEN_LENGTH))
    if isinstance(span, Strong):
        return f"**{escape(span.text)}**"
    return f"[{escape(span.text)}]({span.target})"
