"""Values of options that are more than a number or a word."""

from __future__ import annotations

import math
import re

import typer

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_NEURON = re.compile(r"[\w.]+(:e\d+)?:\d+", re.ASCII)
_LAYERS = re.compile(r"all|every[: ]0*[1-9]\d*|\d+", re.ASCII)

AUTO = "auto"


def threshold_text(text: str) -> str:
    """Check a spike threshold: `auto`, or a finite number above 0; numbers come back in one spelling."""
    if text == AUTO:
        return text
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise typer.BadParameter(f"'{text}' is neither a number above 0 nor auto.")
    return str(value)


def parse_threshold(text: str) -> float | None:
    """The absolute threshold, `None` for `auto`."""
    return None if text == AUTO else float(text)


def parse_factor(text: str) -> float:
    """A finite number that a scalar is multiplied with."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise typer.BadParameter(f"'{text}' is not a finite number.")
    return value + 0.0  # -0 removes as 0 does


def batch_size_text(text: str) -> str:
    """Check a batch size: `auto`, or a whole number from 1."""
    if text == AUTO:
        return text
    if not (text.isdecimal() and int(text) >= 1):
        raise typer.BadParameter(f"'{text}' is neither a whole number from 1 nor auto.")
    return str(int(text))


def parse_batch_size(text: str) -> int | None:
    """The number of windows at once, `None` for `auto`."""
    return None if text == AUTO else int(text)


def size_text(text: str) -> str:
    """Check a size in bytes: `4GiB`, `500MB`, `4G` (= GiB) or a plain number of bytes."""
    parse_size(text)
    return text


def parse_size(text: str) -> int:
    """Bytes of a size; `GB` is 10⁹ of them, `G` and `GiB` are 2³⁰."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"'{text}' is not a size; write for example 4GiB.")
    number, unit, binary = match.groups()
    base = 1000 if not binary and text.strip().lower().endswith("b") and unit else 1024
    n_bytes = int(float(number) * base ** _POWERS[unit.lower()])
    if n_bytes < 1:
        raise typer.BadParameter(f"'{text}' is no memory at all.")
    return n_bytes


def device_text(text: str) -> str:
    """Check the form of a device's name; whether it is there shows when the model is loaded."""
    if not _DEVICE.fullmatch(text):
        raise typer.BadParameter(f"'{text}' is no device; use auto, cpu, cuda, cuda:N or mps.")
    return text


def neuron_text(text: str) -> str:
    """Check the form of a neuron's name: `layer:neuron`, `layer:eEXPERT:neuron`, a module's path for the layer."""
    if not _NEURON.fullmatch(text):
        raise typer.BadParameter(
            f"'{text}' is no neuron; write layer:neuron such as 10:523, or layer:eEXPERT:neuron such as 3:e17:42."
        )
    return text


def layers_text(text: str) -> str:
    """Check one value of `--layers`: `all`, `every:N` or a number."""
    if not _LAYERS.fullmatch(text):
        raise typer.BadParameter(f"'{text}' is neither all, nor every N with N from 1, nor the number of a layer.")
    return text.replace(" ", ":")
