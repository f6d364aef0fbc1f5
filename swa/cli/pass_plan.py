"""A pass over a text with a loaded model: its windows as they are, and the key under which its sums are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from swa.cli.window_plan import TextRoom
from swa.schemas.run import EffectiveWindows
from swa.text.words import counted

if TYPE_CHECKING:
    from swa.data.options import WindowOptions
    from swa.data.sources import TextSource
    from swa.engine.measures.text_windows import TextWindows
    from swa.engine.variants.interventions import Variant
    from swa.models.loading.loaded import LoadedModel


class PassPlan(NamedTuple):
    """Windows over a text for one model.

    Attributes:
        loaded: The model.
        windows: The windows.
        effective: What the record says of them.
    """

    loaded: LoadedModel
    windows: TextWindows
    effective: EffectiveWindows

    @property
    def text(self) -> str:
        """The windows in words, before a pass begins."""
        windows = self.effective
        count = counted(windows.n_windows, "window")
        return f"{count} of {windows.window_len} tokens ({windows.tokens_scored} scored)"

    def key(self, variants: Sequence[Variant], *, read: str) -> str:
        """sha256 of everything that the sums of a pass depend on.

        Args:
            variants: What is done to the model.
            read: What is read of it, beside the metrics.
        """
        loaded, at_once = self.loaded, self.effective.batch_size
        sequences = [(list(one.tokens), one.n_targets) for one in self.windows.sequences]
        content = {
            "model": [loaded.fingerprint, loaded.revision, str(loaded.dtype), str(loaded.device), loaded.offloaded],
            "windows": hashlib.sha256(json.dumps(sequences).encode()).hexdigest(),
            "at once": at_once,
            "variants": [(one.name, [edit.content for edit in one.interventions]) for one in variants],
            "read": read,
        }
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def plan_pass(
    loaded: LoadedModel,
    text: TextSource,
    *,
    room: TextRoom,
    options: WindowOptions,
    batch_size: int | None,
    warn: Callable[[str], None],
) -> PassPlan:
    """Lay the windows for a loaded model, whose context is now known exactly.

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
    from swa.engine.measures.text_windows import text_windows, windows_at_once

    windows = text_windows(
        loaded,
        text,
        tokens=options.tokens,
        window_len=options.window_len,
        stride=options.stride,
        drop_first_token=options.drop_first_token,
    )
    known = room.plan(options).notes
    for note in windows.notes:
        if note not in known:
            warn(note)
    whole = room._replace(context_length=loaded.context_length).plan(replace(options, drop_first_token=False))
    effective = EffectiveWindows(
        tokens=whole.n_targets,
        tokens_scored=windows.n_targets,
        window_len=windows.window_len,
        stride=windows.stride,
        n_windows=len(windows.sequences),
        batch_size=windows_at_once(loaded, windows, batch_size),
    )
    return PassPlan(loaded, windows, effective)
