"""Colours of the severities, and a legend that says what each of them means."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from swa.findings.severity import DROP_BOUNDS, RATIO_BOUNDS
from swa.schemas.evaluation import Severity
from swa.text.numbers import number

if TYPE_CHECKING:
    from matplotlib.patches import Patch

SEVERITY_COLOURS: dict[Severity, str] = {
    "minimal": "#b8c4cc",
    "mild": "#f6d55c",
    "moderate": "#f39c3c",
    "severe": "#d7301f",
    "catastrophic": "#67001f",
    "invalid": "#ffffff",
}
"""From harmless to broken: lightness falls too, so that the order survives a grey print."""
INTACT = "#3b6ea5"
"""The intact model."""
UNRATED = "#8a8a8a"
"""Measured, but severity is not defined for it."""


def severity_legend(severities: Collection[Severity]) -> list[Patch]:
    """One patch a severity that occurs, with its bounds."""
    from matplotlib.patches import Patch

    return [
        Patch(facecolor=colour, edgecolor="#404040", linewidth=0.5, label=_meaning(severity))
        for severity, colour in SEVERITY_COLOURS.items()
        if severity in severities
    ]


def _meaning(severity: Severity) -> str:
    if severity in RATIO_BOUNDS:
        return f"{severity} (ratio > {number(RATIO_BOUNDS[severity])}, drop > {number(DROP_BOUNDS[severity])})"
    return "invalid (not a number)" if severity == "invalid" else severity
