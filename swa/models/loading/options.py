"""Options of how models are loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from swa.options import Option, Options

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def read_size(text: str) -> int:
    """Bytes of a size: `GB` is 10⁹ of them, `G` and `GiB` are 2³⁰; a plain number is bytes.

    Raises:
        ValueError: It is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a size; write for example 4GiB.")
    number, unit, binary = match.groups()
    base = 1000 if not binary and text.strip().lower().endswith("b") and unit else 1024
    n_bytes = int(float(number) * base ** _POWERS[unit.lower()])
    if n_bytes < 1:
        raise ValueError(f"'{text}' is no memory at all.")
    return n_bytes


def size_text(n_bytes: int) -> str:
    """A size in the largest unit that gives a whole number, such as `4GiB`."""
    for power, unit in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        for base, ending in ((1024, "iB"), (1000, "B")):
            if n_bytes % base**power == 0:
                return f"{n_bytes // base**power}{unit}{ending}"
    return str(n_bytes)


def _device(text: str) -> str:
    """Check the form of a device's name; whether it is there shows when the model is loaded."""
    if not _DEVICE.fullmatch(text):
        raise ValueError(f"'{text}' is no device; use auto, cpu, cuda, cuda:N or mps.")
    return text


@dataclass(frozen=True)
class LoadOptions(Options):
    """How models are loaded.

    Attributes:
        dtype: Type of the weights in memory; `auto` is the checkpoint's own.
        device: Where the model runs.
        max_memory: Bytes of weights in memory; what is above stays on the disk. `None`: all fit.
        revision: Of every hub id without one.
        cache_dir: Where unpacked GGUF files go.
        trust_remote_code: Whether code that a checkpoint brings along is run.
    """

    dtype: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        Option(
            help="Type of the weights in memory; auto is the checkpoint's own.",
            section="Model",
            changes="items",
            fact="dtype",
        ),
    ] = "auto"
    device: Annotated[
        str,
        Option(
            help="auto, cpu, cuda, cuda:N or mps.", section="Model", changes="nothing", metavar="DEVICE", read=_device
        ),
    ] = "auto"
    max_memory: Annotated[
        int | None,
        Option(
            help="Keep weights above this size on disk, e.g. 4GiB.",
            section="Model",
            changes="items",
            metavar="SIZE",
            read=read_size,
            write=size_text,
        ),
    ] = None
    revision: Annotated[
        str | None,
        Option(
            help="Branch, tag or commit of every hub id without an @.",
            section="Model",
            changes="items",
            fact="revision",
            metavar="REV",
        ),
    ] = None
    cache_dir: Annotated[
        Path | None,
        Option(
            help="Unpacked GGUF files go here, not to $XDG_CACHE_HOME/swa.",
            section="Model",
            changes="nothing",
            metavar="DIR",
        ),
    ] = None
    trust_remote_code: Annotated[
        bool,
        Option(
            help="Run Python code that the checkpoint brings along. It can do whatever you can do on this machine: "
            "read it first.",
            section="Code from the checkpoint",
            changes="nothing",
        ),
    ] = False
