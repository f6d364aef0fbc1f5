"""Numbers and names as they are written in figures."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from swa.reports.plots.style import plain

MAX_LINES = 4
_SIGNS = str.maketrans({"-": "−"})
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float) -> str:
    """A number with about four digits: `128.9`, `12,345`, `1.2×10⁶`, `∞`, `NaN`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size and not 1e-3 <= size < 1e6:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa.translate(_SIGNS)}×10{str(int(exponent)).translate(_RAISED)}"
    return (f"{value:,.0f}" if size >= 1000 else f"{value:.4g}").translate(_SIGNS)


def aligned(values: Sequence[float]) -> list[str]:
    """Numbers that stand below each other, all with the decimals that give the largest three digits."""
    largest = max(map(abs, values), default=0.0)
    if not 1e-3 <= largest < 1e6:
        return [number(value) for value in values]
    decimals = max(0, 2 - math.floor(math.log10(largest)))
    return [f"{value:,.{decimals}f}".translate(_SIGNS) for value in values]


def ratio_text(ratio: float, logarithm: float) -> str:
    """A perplexity ratio, `×6.05`; of one that overflows the logarithm too, which does not; of NaN `invalid`."""
    if math.isinf(ratio) and math.isfinite(logarithm):
        return f"∞ (log-ratio {number(logarithm)})"
    return "invalid" if math.isnan(ratio) else f"×{number(ratio)}"


def share(value: float) -> str:
    """An accuracy or a change of one, three decimals: `0.430`, `−0.020`."""
    if not abs(value) < 10:  # a metric that is no accuracy
        return number(value)
    return f"{value:.3f}".replace("-0.000", "0.000").translate(_SIGNS)


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
