"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`no texts`, `1 text`, `2 texts`."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
