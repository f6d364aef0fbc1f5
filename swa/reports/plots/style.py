"""The look that all figures share, and safe text in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONFIRMED = "#c1272d"
"""Colour of confirmed super weights."""
CANDIDATE = "#7f7f7f"
"""Colour of candidates that removal does not bear out."""


MAX_LINES = 4
"""Of a name."""


@contextmanager
def figure_style() -> Iterator[None]:
    """Seaborn's ticks style, readable in a column of a paper; the caller's settings stay as they are."""
    import matplotlib as mpl
    import seaborn as sns

    with mpl.rc_context({**sns.axes_style("ticks"), **sns.plotting_context("paper", font_scale=1.15)}):
        yield


def plain(text: str) -> str:
    """Text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")


def wrapped(text: str, width: int) -> str:
    """A name in lines of at most `width` characters, broken behind blanks and `/ , _ -` where it can be.

    Of a name that needs more than four lines the end is kept: there paths differ. Dollars stand for themselves.
    """
    lines = [""]
    for word in re.findall(r"[^\s/,_-]+[\s/,_-]?|[\s/,_-]", text):
        for piece in (word[start : start + width] for start in range(0, len(word), width)):
            if len(lines[-1]) + len(piece.rstrip()) > width:
                lines.append("")
            lines[-1] += piece
    if len(lines) > MAX_LINES:
        lines = [f"…{lines[-MAX_LINES]}", *lines[1 - MAX_LINES :]]
    return plain("\n".join(line.strip() for line in lines))


def new_figure(width: float, height: float) -> Figure:
    """A figure that belongs to no window system, in inches."""
    from matplotlib.figure import Figure as MatplotlibFigure

    return MatplotlibFigure(figsize=(width, height), layout="constrained")


def png(figure: Figure) -> bytes:
    """A figure as PNG, 150 dots per inch, without the time in it: the same records give the same bytes."""
    from io import BytesIO

    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=150, metadata={"Software": None})
    return stream.getvalue()
