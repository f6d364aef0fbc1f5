"""Shapes of small drawings; colours are classes, so that a page draws them in its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple


class Rect(NamedTuple):
    """A filled bar."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    shape: str = "rect"


class Line(NamedTuple):
    """Points joined by a line."""

    points: tuple[tuple[float, float], ...]
    tone: str
    shape: str = "line"

    @property
    def path(self) -> str:
        """As the coordinates of a polyline."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


class Dot(NamedTuple):
    """A point."""

    x: float
    y: float
    tone: str
    shape: str = "dot"


class Words(NamedTuple):
    """Text at a place."""

    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    tone: str = "label"
    shape: str = "words"


Shape = Rect | Line | Dot | Words


@dataclass(frozen=True)
class Chart:
    """A drawing.

    Attributes:
        title: Above it.
        summary: The same numbers in words, for those who cannot see it.
        height: Of the canvas, which is `width` wide.
        shapes: What is drawn, the first at the bottom.
    """

    width: ClassVar[int] = 320
    title: str
    summary: str
    height: int
    shapes: tuple[Shape, ...]
