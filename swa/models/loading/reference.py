"""What a user names as a model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from swa.errors import UnavailableError, UsageError

DEMO = "demo"
_HUB_ID = re.compile(r"(?:\w(?:[\w.-]*\w)?/)?\w(?:[\w.-]*\w)?", re.ASCII)
_HUB_ID_LENGTH = 96


@dataclass(frozen=True)
class ModelReference:
    """A model by name, not yet loaded.

    Attributes:
        name: As the user wrote it, without the revision.
        kind: Where it comes from.
        path: Folder or file, `None` for a hub id and for `demo`.
        revision: Branch, tag or commit of a hub id, `None` for the default.
    """

    name: str
    kind: Literal["hub", "folder", "gguf", "demo"]
    path: Path | None
    revision: str | None


def parse_reference(text: str, *, revision: str | None = None) -> ModelReference:
    """Read a model's name: `demo`, an existing path, or a hub id with an optional `@revision`.

    Args:
        text: What the user wrote; an existing path wins over everything but `demo`.
        revision: From `--revision`, for hub ids without an `@`.

    Raises:
        UsageError: A revision where there can be none, or two.
        UnavailableError: The text looks like a path, and nothing is there.
    """
    if text == DEMO:
        return _local(DEMO, "demo", None, revision)
    path = _existing(text)
    if path is not None:
        if path.is_file() and path.suffix.lower() != ".gguf":
            raise UnavailableError(f"'{text}' is a file, but no .gguf file.", hint="Name the folder that holds it.")
        return _local(text, "folder" if path.is_dir() else "gguf", path, revision)
    if text.startswith((".", "/", "~")) or text.lower().endswith(".gguf") or text.count("/") > 1:
        raise UnavailableError(f"There is no model at '{_shortened(text)}'.", hint="Check the path.")
    name, _, inline = text.partition("@")
    if name == DEMO:
        return _local(DEMO, "demo", None, inline or revision)
    if inline and revision:
        raise UsageError(f"'{text}' names a revision and --revision names another.", hint="Give one of them.")
    if not _is_hub_id(name):
        raise UnavailableError(
            f"'{_shortened(text)}' is neither a path nor a hub id.", hint="A hub id looks like allenai/OLMo-1B-0724-hf."
        )
    return ModelReference(name, "hub", None, inline or revision)


def _existing(text: str) -> Path | None:
    try:
        path = Path(text).expanduser()
        return path if text and path.exists() else None
    except (OSError, RuntimeError):  # longer than a path may be, out of sight, or `~` of nobody
        return None


def _is_hub_id(name: str) -> bool:
    """The hub's own rules, so that what cannot be there is not asked for."""
    wrong = "--" in name or ".." in name or name.endswith(".git") or len(name) > _HUB_ID_LENGTH
    return bool(_HUB_ID.fullmatch(name)) and not wrong


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:199]}…"


def _local(
    name: str, kind: Literal["folder", "gguf", "demo"], path: Path | None, revision: str | None
) -> ModelReference:
    if revision:
        raise UsageError(f"'{name}' is local and has no revisions.", hint="Leave --revision out.")
    return ModelReference(name, kind, path, None)
