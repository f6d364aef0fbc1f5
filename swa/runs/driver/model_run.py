"""One model at work: its folders, each locked once, and its weights, loaded once for all steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import MISSING

from swa.models.loading.options import LoadOptions
from swa.progress import Progress
from swa.runs.driver.call import Call
from swa.runs.driver.keys import Facts, asks_the_same
from swa.runs.driver.log import RunLog, run_log
from swa.runs.driver.provenance import last_run
from swa.schemas.run import RunHeader
from swa.store.atomic import remove_leftovers
from swa.store.names import model_folder_name, timestamp
from swa.store.tree import ModelFolder

if TYPE_CHECKING:
    from swa.models.loading.load import Checkpoint
    from swa.models.loading.loaded import LoadedModel
    from swa.models.loading.reference import ModelReference
    from swa.runs.driver.step import Outcome
    from swa.schemas.detection import DetectionResult


@dataclass
class Place:
    """A model's folder in one results folder; no other run is in it.

    Attributes:
        folder: The folder.
        log: The log of the step that is at work there, `None` between steps.
        stamp: TS in the names of that step's files.
    """

    folder: ModelFolder
    log: RunLog | None = None
    stamp: str = ""

    @contextmanager
    def logged(self, stamp: str) -> Iterator[RunLog]:
        """Log a step; one that another step needs on its way writes to that step's log."""
        if self.log is not None:
            yield self.log
            return
        with run_log(self.folder.log(stamp)) as log:
            self.log, self.stamp = log, stamp
            try:
                yield log
            finally:
                self.log = None

    def new_stamp(self) -> str:
        """A TS that no file of the model has."""
        return timestamp(self.folder.is_taken)

    def stamp_of_unfinished(self, call: Call, *, force: bool) -> str | None:
        """The TS of the last run of the command, where it was not finished and this call goes on with it."""
        before = None if force else last_run(self.folder, call.command)
        if before is None or before.stamp is MISSING or before.status == "complete":
            return None
        return before.stamp if asks_the_same(before.options, call.options) else None


@dataclass
class ModelRun:
    """One model at work; see `open_run`.

    Attributes:
        reference: What was named.
        options: How it is loaded.
        progress: Where the work is reported.
        detected: The detection that this run made or found, for the steps that need one.
    """

    reference: ModelReference
    options: LoadOptions
    progress: Progress
    _given: LoadedModel | None
    _locks: ExitStack
    _places: dict[Path, Place] = field(default_factory=dict)
    detected: Outcome[DetectionResult] | None = None

    @property
    def name(self) -> str:
        """The model as it was named."""
        return self.reference.name

    def place(self, root: Path, layout: type[ModelFolder]) -> Place:
        """The model's folder below a results folder, made and locked when it is first asked for.

        Raises:
            UsageError: It cannot be written, or another run is at work there.
        """
        folder = layout(root, model_folder_name(self.reference.name, self.reference.path))
        if folder.path not in self._places:
            folder.create()
            self._locks.enter_context(folder.locked())
            remove_leftovers(folder.path, deep=True)
            self._places[folder.path] = Place(folder)
        return self._places[folder.path]

    @cached_property
    def checkpoint(self) -> Checkpoint | None:
        """The model in a local folder, fetched when it is first asked for; `None` for one that was given loaded.

        Raises:
            SwaError: It cannot be had.
        """
        from swa.models.loading.load import fetch

        if self._given is not None:
            return None
        return fetch(
            self.reference,
            trust_remote_code=self.options.trust_remote_code,
            cache_dir=self.options.cache_dir,
            progress=self.progress,
        )

    @property
    def _known(self) -> Checkpoint | LoadedModel:
        known = self.checkpoint or self._given
        assert known is not None, "a model is named or given"
        return known

    @property
    def fingerprint(self) -> str:
        """Of configuration and weights."""
        return self._known.fingerprint

    @property
    def revision(self) -> str | None:
        """The hub's commit, `None` for local models."""
        return self._known.revision

    @cached_property
    def dtype(self) -> str | None:
        """The type that the weights have in memory; `None` where only the weights themselves say it."""
        from swa.models.loading.load import dtype_in_memory

        if self.checkpoint is None:
            return str(self.load().dtype).removeprefix("torch.")
        return dtype_in_memory(self.checkpoint, self.options.dtype, trust_remote_code=self.options.trust_remote_code)

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer, without the weights.

        Raises:
            UnavailableError: There is none.
        """
        from swa.models.loading.tokenizer import read_tokenizer

        if self._given is not None or self.checkpoint is None:
            return self.load().tokenizer
        return read_tokenizer(self.checkpoint.folder, trust_remote_code=self.options.trust_remote_code)

    def context_length(self, tokenizer: Any) -> int:
        """Longest input in tokens, so far as configuration and tokenizer say it."""
        from swa.models.loading.inspect import context_length_of_config, read_config

        if self.checkpoint is None:
            return self.load().context_length
        config = read_config(self.checkpoint.folder, trust_remote_code=self.options.trust_remote_code)
        return context_length_of_config(config, tokenizer)

    def facts(self, dataset_fingerprint: str | None) -> Facts:
        """What keys of records hold beside options.

        Args:
            dataset_fingerprint: Of the text, `None` where none is read.
        """
        return Facts(self.fingerprint, self.revision, self.dtype or self.options.dtype, dataset_fingerprint)

    def has_weights_of(self, header: RunHeader) -> bool:
        """Whether a saved run was made with these weights in this type."""
        if header.weights_fingerprint != self.fingerprint:
            return False
        if self.dtype is not None:
            return header.dtype == self.dtype
        asked = header.options.get("dtype")
        return asked is not None and asked.value == self.options.dtype

    def load(self) -> LoadedModel:
        """The model in memory: every analysis restores the weights it edits, bit by bit, so that all steps share it.

        Raises:
            SwaError: It cannot be used.
        """
        if self._given is None:
            self._given = self._load()
        return self._given

    def _load(self) -> LoadedModel:
        from swa.models.loading.load import load_model

        assert self.checkpoint is not None, "it is not given"
        with self.progress.task(f"Loading {self.name}", 1) as task:
            loaded = load_model(
                self.checkpoint,
                dtype=self.options.dtype,
                device=self.options.device,
                max_memory=self.options.max_memory,
                trust_remote_code=self.options.trust_remote_code,
                cache_dir=self.options.cache_dir,
                progress=self.progress,
                tokenizer=self.__dict__.get("tokenizer"),  # where a text was measured, it is read already
            )
            task.advance()
        return loaded


@contextmanager
def open_run(model: str | LoadedModel, options: LoadOptions, progress: Progress) -> Iterator[ModelRun]:
    """Begin to work on a model; its folders are free and its memory can be given back when the context ends.

    Args:
        model: Its name, or the model itself.
        options: How it is loaded, where it is named.
        progress: Where the work is reported.

    Raises:
        UsageError: The name cannot be that of a model.
        UnavailableError: Nothing is there under the name.
    """
    from swa.models.loading.reference import parse_reference

    given = None if isinstance(model, str) else model
    reference = parse_reference(model, revision=options.revision) if isinstance(model, str) else model.reference
    with ExitStack() as locks:
        yield ModelRun(reference, options, progress, given, locks)
