"""Versions of what makes numbers: finished work of other versions is not mixed with new work."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

NUMBERS = 1
"""Raised by every commit that changes a number that `swa` gives; CHANGELOG lists what each value changed."""
_PACKAGES = ("torch", "transformers", "accelerate", "datasets", "lm_eval")
_MAKE_NUMBERS = ("torch", "transformers", "lm_eval")


@cache
def versions() -> dict[str, str]:
    """Of swa, Python and the libraries, for the header of a run."""
    found = {"swa": version("super-weight-analysis"), "python": platform.python_version()}
    return found | {package: _version(package) for package in _PACKAGES}


@cache
def number_versions() -> dict[str, str]:
    """Of what changes numbers, for the keys of items."""
    return {package: _version(package) for package in _MAKE_NUMBERS} | {"numbers": str(NUMBERS)}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
