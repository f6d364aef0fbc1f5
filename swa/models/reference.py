"""What a user names as a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class ModelReference:
    """A model by name, not yet loaded.

    Attributes:
        name: As the user wrote it, without the revision.
        kind: Where it comes from.
        path: Folder or file, `None` for a hub id.
        revision: Branch, tag or commit of a hub id, `None` for the default.
    """

    name: str
    kind: Literal["hub", "folder", "gguf", "demo"]
    path: Path | None
    revision: str | None
