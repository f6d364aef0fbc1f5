"""Folders of results, compared to the byte but for what differs from run to run."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from difflib import unified_diff
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pyarrow.parquet
from PIL import Image

LEFT_ASIDE = ("*.lock", "*/data/units/*", "*/pass*.npz", "*/ledger/*")
"""State for going on, which nobody reads."""
REPLACED = [
    (re.compile(pattern, re.MULTILINE), name)
    for pattern, name in (
        (r"^.*: \d+/\d+, ETA \d+ s\n", ""),  # said every so many seconds
        (r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?[Zz]?", "TIME"),
        (r"\d{8}_\d{6}(_\d+)?", "STAMP"),
        (r"\bdone in [\d.]+ s", "done in SECONDS"),
        (r'"timings":\s*\{[^{}]*\}', '"timings": SECONDS'),
        (r'"versions":\s*\{[^{}]*\}', '"versions": VERSIONS'),
        (r'"command_line":\s*\[(\s*"(\\.|[^"\\])*",?)*\s*\]', '"command_line": WORDS'),
        (r"\bswa \d+\.\d+\.\d+[\w.]*", "swa VERSION"),
    )
]

Content = str | bytes


def read_tree(root: Path, *, left_aside: Sequence[str] = ()) -> dict[str, Content]:
    """Contents by name, both without what differs from run to run; texts are strings."""
    contents: dict[str, Content] = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        name = _replaced(str(path.relative_to(root)), root)
        if any(fnmatch(name, pattern) for pattern in (*LEFT_ASIDE, *left_aside)):
            continue
        while name in contents:  # two files of one name but for the time, in their order
            name += "'"
        try:
            contents[name] = _replaced(path.read_bytes().decode(), root)
        except UnicodeDecodeError:
            contents[name] = path.read_bytes()
    return contents


def _replaced(text: str, root: Path) -> str:
    text = text.replace(str(root), "WORK")
    for pattern, name in REPLACED:
        text = pattern.sub(name, text)
    return text


def differences(old: Mapping[str, Content], new: Mapping[str, Content]) -> dict[str, list[str]]:
    """Name of each file that differs → lines that say how."""
    found = {name: ["only in the old tree"] for name in old.keys() - new.keys()}
    found |= {name: ["only in the new tree"] for name in new.keys() - old.keys()}
    for name in old.keys() & new.keys():
        if old[name] != new[name]:
            found[name] = _difference(name, old[name], new[name])
    return dict(sorted(found.items()))


def _difference(name: str, old: Content, new: Content) -> list[str]:
    if isinstance(old, str) and isinstance(new, str):
        return _diff(_lines(name, old), _lines(name, new))
    if isinstance(old, bytes) and isinstance(new, bytes) and name.endswith(".png"):
        return _pixels(old, new)
    if isinstance(old, bytes) and isinstance(new, bytes) and name.endswith(".parquet"):
        return _columns(old, new)
    return [f"{len(old)} and {len(new)} bytes"]


def _diff(old: list[str], new: list[str]) -> list[str]:
    return list(unified_diff(old, new, n=1, lineterm=""))[2:]


def _lines(name: str, text: str) -> list[str]:
    """Lines, and of records without line breaks one value a line."""
    return (re.sub(r'([{\[,])(?=["{\[\d-])', r"\1\n", text) if ".json" in name else text).split("\n")


def _pixels(old: bytes, new: bytes) -> list[str]:
    left, right = (np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=int) for content in (old, new))
    if left.shape != right.shape:
        return [f"{left.shape} and {right.shape}"]
    apart = np.abs(left - right).max(axis=-1)
    return [f"{(apart > 0).sum()} of {apart.size} pixels differ, by up to {apart.max()} of 255"]


def _columns(old: bytes, new: bytes) -> list[str]:
    left, right = (pyarrow.parquet.read_table(pyarrow.BufferReader(content)) for content in (old, new))
    if left.schema != right.schema:
        return _diff(str(left.schema).split("\n"), str(right.schema).split("\n"))
    if len(left) != len(right):
        return [f"{len(left)} and {len(right)} rows"]
    columns = [name for name in left.column_names if left[name] != right[name]]
    return [f"columns differ: {', '.join(columns)}" if columns else "same columns, other metadata"]
