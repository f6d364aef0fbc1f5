"""From what the user named to a checkpoint in a folder, and from there into memory, as the options say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from swa.models.loading.options import LoadOptions
from swa.progress import Progress

if TYPE_CHECKING:
    from swa.models.loading.load import Checkpoint
    from swa.models.loading.loaded import LoadedModel
    from swa.models.loading.reference import ModelReference

_shared: ContextVar[dict[str, LoadedModel] | None] = ContextVar("shared models", default=None)
"""Loaded models by fingerprint, `None` where every step loads its own."""


def fetch_checkpoint(reference: ModelReference, load: LoadOptions, progress: Progress) -> Checkpoint:
    """Bring a model into a local folder; see `swa.models.loading.load.fetch`."""
    from swa.models.loading.load import fetch

    return fetch(reference, trust_remote_code=load.trust_remote_code, cache_dir=load.cache_dir, progress=progress)


@contextmanager
def loaded_once() -> Iterator[None]:
    """Share what is loaded between the steps of one model: every analysis restores the weights it edits, bit by bit."""
    token = _shared.set({})
    try:
        yield
    finally:
        _shared.reset(token)


def load_checkpoint(checkpoint: Checkpoint, load: LoadOptions, progress: Progress) -> LoadedModel:
    """Load a model, or take it where it is shared; see `swa.models.loading.load.load_model`."""
    shared = _shared.get()
    if shared is None:
        return _load(checkpoint, load, progress)
    if checkpoint.fingerprint not in shared:
        shared[checkpoint.fingerprint] = _load(checkpoint, load, progress)
    return shared[checkpoint.fingerprint]


def _load(checkpoint: Checkpoint, load: LoadOptions, progress: Progress) -> LoadedModel:
    from swa.models.loading.load import load_model

    with progress.task(f"Loading {checkpoint.reference.name}", 1) as task:
        loaded = load_model(
            checkpoint,
            dtype=load.dtype,
            device=load.device,
            max_memory=load.max_memory,
            trust_remote_code=load.trust_remote_code,
            cache_dir=load.cache_dir,
            progress=progress,
        )
        task.advance()
    return loaded
