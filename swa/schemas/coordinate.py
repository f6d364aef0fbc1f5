"""The address of one scalar of one down projection, as a value that prints and parses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from swa.errors import UsageError

SiteKind = Literal["mlp_out", "expert", "shared_expert", "aux"]
"""What a down projection belongs to; `aux` is a small extra MLP beside the main one (adapters)."""

_TEXT = re.compile(
    r"(?:(?P<stack>[\w.]+)\.)?L(?P<layer>\d+)\.(?P<inner>[\w.]+)\[\s*(?P<row>\d+)\s*,\s*(?P<col>\d+)\s*\]"
)


@dataclass(frozen=True, order=True)
class CoordinateText:
    """A coordinate as people write it: `L11.mlp.down_proj[507,1229]`.

    Attributes:
        stack: Path of the layer list, only where a model has several (`decoder.L3.mlp…`), else empty.
        layer: Index of the layer in its list.
        inner: Module path inside the layer, with the expert's number where there is one.
        row: Output channel = channel of the residual stream.
        col: Input channel = MLP neuron.
    """

    stack: str
    layer: int
    inner: str
    row: int
    col: int

    def __str__(self) -> str:
        """The text form; `parse` reads it back."""
        prefix = f"{self.stack}." if self.stack else ""
        return f"{prefix}L{self.layer}.{self.inner}[{self.row},{self.col}]"

    @classmethod
    def parse(cls, text: str) -> CoordinateText:
        """Read a coordinate.

        Raises:
            UsageError: The text is no coordinate.
        """
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            raise UsageError(
                f"'{text}' is not a coordinate.",
                hint="Write layer, module path and [row,col], for example L11.mlp.down_proj[507,1229].",
            )
        return cls(
            stack=match["stack"] or "",
            layer=int(match["layer"]),
            inner=match["inner"],
            row=int(match["row"]),
            col=int(match["col"]),
        )
