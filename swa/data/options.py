"""Options of texts and of the windows over them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from swa.data.scoring import check_windows
from swa.options import Option, Options

DATA_DIR = Option(
    help="Local copies of hub data sets; found here, no hub is asked.",
    section="Text",
    changes="nothing",
    metavar="DIR",
)
"""Of a text; its fingerprint says what was read, wherever it lay."""


@dataclass(frozen=True)
class TextOptions(Options):
    """The text to measure on.

    Attributes:
        dataset: Its name or file.
        data_dir: Where copies of the hub's data sets lie.
    """

    dataset: Annotated[
        str,
        Option(
            help="wikitext-2, wikitext-103, builtin (in the package), a text, JSONL or parquet file, or "
            "name:config:split:column of the hub.",
            section="Text",
            changes="items",
            fact="dataset_fingerprint",
            metavar="NAME",
        ),
    ] = "wikitext-2"
    data_dir: Annotated[Path | None, DATA_DIR] = None


@dataclass(frozen=True)
class CutOptions(Options):
    """How a text is cut into windows (docs/methods.md#texts-and-windows).

    Attributes:
        window_len: Text tokens in a window.
        stride: Step between windows.
        tokens: Scored tokens.
    """

    window_len: Annotated[
        int, Option(help="Text tokens in a window.", section="Windows", changes="items", minimum=2, metavar="N")
    ] = 1024
    stride: Annotated[
        int,
        Option(help="Tokens from one window to the next.", section="Windows", changes="items", minimum=1, metavar="N"),
    ] = 512
    tokens: Annotated[
        int, Option(help="Tokens to score.", section="Windows", changes="items", minimum=1, metavar="N")
    ] = 30_000

    def __post_init__(self) -> None:
        """Refuse what makes no windows.

        Raises:
            UsageError: A number is too small, or windows would leave tokens out.
        """
        super().__post_init__()
        check_windows(self.window_len, self.stride, self.tokens)


@dataclass(frozen=True)
class WindowOptions(CutOptions):
    """Windows over a text, and which of their tokens count.

    Attributes:
        window_len: Text tokens in a window.
        stride: Step between windows.
        tokens: Scored tokens.
        drop_first_token: Leave the first scored target of each window out of every metric.
    """

    drop_first_token: Annotated[
        bool,
        Option(
            help="Leave the first scored token of each window out of every metric.", section="Windows", changes="items"
        ),
    ] = False
