"""The text of a call, read once for all models."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from swa.data.options import TextOptions

if TYPE_CHECKING:
    from swa.data.sources import TextSource


def text_reader(options: TextOptions) -> Callable[[], TextSource]:
    """Reads the text when it is first needed; see `swa.data.sources.load_text`."""

    @cache
    def read() -> TextSource:
        from swa.data.sources import load_text

        return load_text(options.dataset, data_dir=options.data_dir)

    return read
