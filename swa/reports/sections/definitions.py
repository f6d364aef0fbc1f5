"""What every number of a report means."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from swa.reports.page.document import Definitions, Section


def section(anchor: str) -> Section:
    """All definitions, in groups."""
    content = tomllib.loads((files("swa.reports") / "definitions.toml").read_text(encoding="utf-8"))
    groups = tuple(
        Section(
            group["title"],
            f"{anchor}-{number}",
            (Definitions(tuple((entry["word"], (entry["meaning"],)) for entry in group["entry"])),),
        )
        for number, group in enumerate(content["group"])
    )
    return Section("What the numbers mean", anchor, groups)
