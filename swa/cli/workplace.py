"""Where a command works on one model: its locked folder, its log, its checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from swa.cli.loading import fetch_checkpoint, load_checkpoint
from swa.cli.terminal.libraries import RunLog, run_log
from swa.cli.terminal.progress import TerminalProgress
from swa.models.loading.options import LoadOptions
from swa.runs.driver.keys import Facts
from swa.schemas.run import RunHeader
from swa.store.atomic import remove_leftovers
from swa.store.names import model_folder_name, timestamp
from swa.store.tree import ModelFolder

if TYPE_CHECKING:
    from swa.models.loading.load import Checkpoint
    from swa.models.loading.loaded import LoadedModel


@dataclass(frozen=True)
class Workplace:
    """One model at work.

    Attributes:
        folder: The model's folder; no other run is in it.
        stamp: TS in the names of this run's files.
        log: The run's log.
        checkpoint: The model, not yet loaded.
        options: How it is loaded.
        progress: Where the work is reported.
    """

    folder: ModelFolder
    stamp: str
    log: RunLog
    checkpoint: Checkpoint
    options: LoadOptions
    progress: TerminalProgress

    def load(self) -> LoadedModel:
        """Load the model.

        Raises:
            SwaError: It cannot be used.
        """
        return load_checkpoint(self.checkpoint, self.options, self.progress)

    def facts(self, dataset_fingerprint: str | None) -> Facts:
        """What keys of records hold beside options.

        Args:
            dataset_fingerprint: Of the text, `None` where none is read.
        """
        checkpoint = self.checkpoint
        return Facts(checkpoint.fingerprint, checkpoint.revision, self.dtype or self.options.dtype, dataset_fingerprint)

    def has_weights_of(self, header: RunHeader) -> bool:
        """Whether a saved run was made with these weights in this type."""
        if header.weights_fingerprint != self.checkpoint.fingerprint:
            return False
        asked = header.options.get("dtype")
        return header.dtype == self.dtype or (asked is not None and asked.value == self.options.dtype)

    @cached_property
    def dtype(self) -> str | None:
        """The type that the weights will have in memory; `None` where only the weights themselves say it."""
        from swa.models.loading.load import dtype_in_memory

        return dtype_in_memory(self.checkpoint, self.options.dtype, trust_remote_code=self.options.trust_remote_code)


def new_stamp(folder: ModelFolder) -> str:
    """A TS that no file of the model has."""
    return timestamp(folder.is_taken)


@contextmanager
def at_work(
    name: str,
    results_dir: Path,
    *,
    load: LoadOptions,
    progress: TerminalProgress,
    stamp: Callable[[ModelFolder], str] = new_stamp,
    layout: type[ModelFolder] = ModelFolder,
) -> Iterator[Workplace]:
    """Make the model's folder, keep other runs out of it, begin a log, and bring the checkpoint.

    Args:
        name: The model as the user named it.
        results_dir: The results folder.
        load: How models are fetched and loaded.
        progress: Where the work is reported.
        stamp: Which TS the run gets; it may be that of the run it continues.
        layout: Where the files of a model lie.

    Raises:
        SwaError: The model or its folder cannot be used.
    """
    from swa.models.loading.reference import parse_reference

    reference = parse_reference(name, revision=load.revision)
    folder = layout(results_dir, model_folder_name(reference.name, reference.path))
    folder.create()
    with folder.locked():
        remove_leftovers(folder.path, deep=True)
        chosen = stamp(folder)
        with run_log(folder.log(chosen)) as log:
            yield Workplace(folder, chosen, log, fetch_checkpoint(reference, load, progress), load, progress)
