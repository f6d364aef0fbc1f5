"""Which weights are these? A fingerprint that takes seconds for any size."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from pathlib import Path

_MIB = 1 << 20
_LENGTH_FIELD = 8
_WHOLE = {".safetensors": "model.safetensors", ".bin": "pytorch_model.bin"}
"""Name of the file that holds all weights, by format."""


def fingerprint_folder(folder: Path) -> str:
    """sha256 over config.json and, of each weight file, name, size, safetensors header, first and last MiB.

    A hash of all bytes is no option for a checkpoint of 140 GB (docs/files.md#names-and-writing).
    """
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path in weight_files(folder):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as stream:
            digest.update(stream.read(max(_MIB, _LENGTH_FIELD + _header_length(path))))
            stream.seek(max(0, size - _MIB))
            digest.update(stream.read(_MIB))
    return digest.hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """The files that transformers reads weights from: one whole file, the shards of an index, or all there are.

    safetensors come first. Further files may hold the same weights in the layout of another program.
    """
    for suffix, name in _WHOLE.items():
        found = sorted(path for path in folder.glob(f"*{suffix}") if path.is_file())
        if found:
            whole = [path for path in found if path.name == name]
            indexed = _indexed(folder / f"{name}.index.json")
            return whole or [path for path in found if path.name in indexed] or found
    return []


def _indexed(path: Path) -> set[str]:
    """Names of the shards that an index lists; none where it is missing or broken, which loading will say."""
    try:
        return set(json.loads(path.read_bytes())["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def n_parameters_of(folder: Path) -> int | None:
    """Number of stored parameters from the safetensors headers, `None` for other formats.

    Raises:
        SafetensorError: A header is broken.
    """
    from safetensors import safe_open

    total = 0
    for path in weight_files(folder):
        if path.suffix != ".safetensors":
            return None
        with safe_open(path, framework="pt") as tensors:
            total += sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    return total


def _header_length(path: Path) -> int:
    """Bytes of a safetensors file's header, 0 for other and for broken files."""
    if path.suffix != ".safetensors":
        return 0
    with path.open("rb") as stream:
        raw = stream.read(_LENGTH_FIELD)
    length = int(struct.unpack("<Q", raw)[0]) if len(raw) == _LENGTH_FIELD else 0
    return length if length < path.stat().st_size else 0
