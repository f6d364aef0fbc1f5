"""The verdict of `swa.report`, where the tables of commands look for it."""

from __future__ import annotations

from swa.report.verdict import MIN_RATIO, is_confirmed, verdict

__all__ = ["MIN_RATIO", "is_confirmed", "verdict"]
