"""The words of `swa.report`, where commands look for them."""

from __future__ import annotations

from swa.report.words import counted

__all__ = ["counted"]
