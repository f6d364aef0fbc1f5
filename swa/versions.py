"""Versions of what makes numbers: finished work of other versions is not mixed with new work."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

NUMBERS = 2
"""Raised by every commit that changes a number that `swa` gives; CHANGELOG lists what each value changed."""
_PACKAGES = ("torch", "transformers", "accelerate", "datasets", "lm_eval")
MAKE_NUMBERS = ("swa", "torch", "transformers", "lm_eval")
"""Versions that a finished run is shown with where they are others than now."""


@cache
def versions() -> dict[str, str]:
    """Of swa, Python and the libraries, for the header of a run."""
    found = {"swa": version("super-weight-analysis"), "python": platform.python_version()}
    return found | {package: _version(package) for package in _PACKAGES}


@cache
def number_versions() -> dict[str, str]:
    """Of what changes numbers, for the keys of items."""
    found = {name: version for name, version in versions().items() if name in MAKE_NUMBERS and name != "swa"}
    return found | {"numbers": str(NUMBERS)}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
