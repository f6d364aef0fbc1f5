"""Which weights are these? A fingerprint that takes seconds for any size."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

_MIB = 1 << 20
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")


def fingerprint_folder(folder: Path) -> str:
    """sha256 over config.json and, of each weight file, name, size, safetensors header, first and last MiB.

    A hash of all bytes is no option for a checkpoint of 140 GB (7-decisions F6).
    """
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path in weight_files(folder):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as stream:
            digest.update(stream.read(max(_MIB, _header_length(path))))
            stream.seek(max(0, size - _MIB))
            digest.update(stream.read(_MIB))
    return digest.hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a checkpoint by name; safetensors where there are any."""
    for suffix in WEIGHT_SUFFIXES:
        found = sorted(folder.glob(f"*{suffix}"))
        if found:
            return found
    return []


def n_parameters_of(folder: Path) -> int | None:
    """Number of stored parameters from the safetensors headers, `None` for other formats."""
    total = 0
    for path in weight_files(folder):
        if path.suffix != ".safetensors":
            return None
        with path.open("rb") as stream:
            stream.read(8)
            header = json.loads(stream.read(_header_length(path)))
        for name, entry in header.items():
            if name != "__metadata__":
                size = 1
                for dimension in entry["shape"]:
                    size *= dimension
                total += size
    return total


def _header_length(path: Path) -> int:
    """Bytes of a safetensors file's header, 0 for other and for broken files."""
    if path.suffix != ".safetensors":
        return 0
    with path.open("rb") as stream:
        raw = stream.read(8)
    length = int(struct.unpack("<Q", raw)[0]) if len(raw) == 8 else 0
    return length if length < path.stat().st_size else 0
