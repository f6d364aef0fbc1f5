"""What is in a wheel and an sdist: `python -m tests.support.distributions dist`."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def packaged() -> set[str]:
    """The files of the package as they lie in the tree."""
    files = (path for path in (ROOT / "swa").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in files}


def in_wheel(path: Path) -> set[str]:
    """The files of a wheel, without its own records."""
    with zipfile.ZipFile(path) as wheel:
        return {name for name in wheel.namelist() if ".dist-info/" not in name}


def in_sdist(path: Path) -> set[str]:
    """The files of an sdist, without its first folder."""
    with tarfile.open(path) as sdist:
        return {member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile()}


def problems(folder: Path) -> list[str]:
    """What is too much or too little in the newest distributions of a folder."""
    wheel = max(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    sdist = max(folder.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    found = [f"{wheel.name} lacks {name}" for name in sorted(packaged() - in_wheel(wheel))]
    found += [f"{wheel.name} has {name}" for name in sorted(in_wheel(wheel) - packaged())]
    needed = packaged() | {"LICENSE", "README.md", "pyproject.toml"}
    return found + [f"{sdist.name} lacks {name}" for name in sorted(needed - in_sdist(sdist))]


if __name__ == "__main__":
    sys.exit("\n".join(problems(Path(sys.argv[1]))) or None)
