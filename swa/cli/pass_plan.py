"""The windows of a pass over a text, laid for a loaded model, whose context is known exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from swa.cli.window_plan import TextRoom
from swa.schemas.run import EffectiveWindows

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.models.loading.loaded import LoadedModel
    from swa.vocabulary.options import WindowOptions


def plan_pass(
    loaded: LoadedModel,
    text: TextSource,
    *,
    room: TextRoom,
    options: WindowOptions,
    batch_size: int | None,
    warn: Callable[[str], None],
) -> EffectiveWindows:
    """Lay the windows.

    Args:
        loaded: The model.
        text: The text.
        room: The text as it was measured before.
        options: How it is cut.
        batch_size: Windows at once as asked for; `None`: by memory.
        warn: Called with what is clamped and could not be said before.

    Raises:
        UsageError: The text is too short for any window.
    """
    from swa.engine.measures.text_windows import batched_windows

    laid = batched_windows(
        loaded,
        text,
        tokens=options.tokens,
        window_len=options.window_len,
        stride=options.stride,
        drop_first_token=options.drop_first_token,
        batch_size=batch_size,
    )
    known = room.plan(options).notes
    for note in laid.windows.notes:
        if note not in known:
            warn(note)
    return laid.effective
