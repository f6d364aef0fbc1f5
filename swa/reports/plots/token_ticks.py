"""Tokens as labels of figures, in letters that the figure's font has."""

from __future__ import annotations

from functools import cache

from swa.reports.plots.style import plain
from swa.text.tokens import escaped, token_label


def token_tick(text: str) -> str:
    """A token's label; letters that the font would draw as an empty box are escapes, a dollar stands for itself."""
    known = _letters()
    seen = "".join(letter if ord(letter) in known or not letter.isprintable() else escaped(letter) for letter in text)
    return plain(token_label(seen))


def piece_tick(tok: str, text: str) -> str:
    """The label of a token by its text; bytes that are no whole character all look alike, their raw pieces do not."""
    return token_tick(tok if "\N{REPLACEMENT CHARACTER}" in text else text)


@cache
def _letters() -> frozenset[int]:
    """Code points of matplotlib's own font, which every figure uses."""
    from matplotlib import font_manager

    # never another font of this machine: the same record gives the same figure everywhere
    path = font_manager.findfont("DejaVu Sans", fallback_to_default=True)
    return frozenset(font_manager.get_font(path).get_charmap())
