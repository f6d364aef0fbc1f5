"""Where the files of one model lie (docs/files.md)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from swa.errors import UsageError
from swa.store.names import distinct_name

DATA = "data"
"""Name of the folder of records in a model's folder."""


@dataclass(frozen=True)
class ModelFolder:
    """The folder of one model below a results folder.

    Attributes:
        root: The results folder.
        name: Folder name of the model.
    """

    root: Path
    name: str

    @property
    def path(self) -> Path:
        """The model's folder."""
        return self.root / self.name

    @property
    def data(self) -> Path:
        """Records."""
        return self.path / DATA

    @property
    def plots(self) -> Path:
        """Figures."""
        return self.path / "plots"

    @property
    def logs(self) -> Path:
        """Log files."""
        return self.path / "logs"

    @property
    def run_config(self) -> Path:
        """Effective options of each command."""
        return self.path / "run_config.json"

    @property
    def super_weights(self) -> Path:
        """All candidates of the newest detection, one a line."""
        return self.data / "super_weights.jsonl"

    @property
    def ledger(self) -> Path:
        """Answers of finished items, from which an interrupted run goes on."""
        return self.path / "ledger"

    @property
    def items(self) -> Path:
        """Records of single items of tasks."""
        return self.data / "items"

    @property
    def individual_analyses(self) -> Path:
        """Records of single super weights."""
        return self.data / "individual_analyses"

    def detection(self, timestamp: str) -> Path:
        """A detection record."""
        return self.data / f"detection_{timestamp}.json"

    def detections(self) -> list[Path]:
        """All detection records, newest first."""
        return newest_first(self.data, "detection_*.json")

    def analysis(self, timestamp: str) -> Path:
        """Everything that one evaluation measured."""
        return self.data / f"analysis_{timestamp}.json"

    def analyses(self) -> list[Path]:
        """All of these, newest first."""
        return newest_first(self.data, "analysis_*.json")

    def combined_analysis(self, timestamp: str) -> Path:
        """What one evaluation measured with all super weights edited together."""
        return self.data / f"combined_analysis_{timestamp}.json"

    def individual_analysis(self, number: int, timestamp: str) -> Path:
        """What one evaluation measured with one super weight edited alone."""
        return self.individual_analyses / f"sw_{number}_analysis_{timestamp}.json"

    def items_of(self, task: str, variant: str) -> Path:
        """Items of one requested task under one variant, in the newest evaluation."""
        return self.items / f"{distinct_name(task)}_{variant}.jsonl"

    def log(self, timestamp: str) -> Path:
        """A run's log."""
        return self.logs / f"analysis_{timestamp}.log"

    def is_taken(self, timestamp: str) -> bool:
        """Whether a run has left files under this name."""
        files = (self.detection(timestamp), self.analysis(timestamp), self.log(timestamp))
        return any(path.exists() for path in files)

    def create(self, *more: Path) -> None:
        """Make the folders, and those named beside, and see that they can be written.

        Raises:
            UsageError: They cannot.
        """
        make_writable(self.path, (self.path, self.data, self.plots, self.logs, *more))

    def create_for_detection(self) -> None:
        """Make the folders of a detection, which another command may make on its way.

        Raises:
            UsageError: They cannot be written.
        """
        make_writable(self.path, (self.data, self.plots))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of this folder; the lock ends with the process, however it ends.

        Raises:
            UsageError: Another run is at work here, or no lock can be made.
        """
        with locked(self.path, wait=False):
            yield


def folder_of_record(record: Path) -> Path:
    """The folder of the model that a record is of; of a record that was put elsewhere, its own folder."""
    folder = record.parent
    return folder.parent if folder.name == DATA else folder


def newest_first(folder: Path, pattern: str) -> list[Path]:
    """Files whose names differ in their timestamp only."""
    return sorted(folder.glob(pattern), key=lambda path: path.name, reverse=True)


def make_writable(place: Path, folders: Iterable[Path]) -> None:
    """Make folders and see that they can be written.

    Args:
        place: What the sentence names when they cannot.
        folders: The folders.

    Raises:
        UsageError: They cannot.
    """
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
    except OSError as error:
        raise _not_writable(place, error) from error


@contextmanager
def locked(folder: Path, *, wait: bool) -> Iterator[None]:
    """Be alone in a folder; the lock ends with the process, however it ends.

    Args:
        folder: The folder.
        wait: Whether to wait for a run that is at work there.

    Raises:
        UsageError: Another run is at work there and nobody waits for it, or no lock can be made.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", blocking=wait)
    try:
        lock.acquire()
    except Timeout as error:
        raise UsageError(
            f"Another run is at work in '{folder}'.", hint="Wait for it, or name another --results-dir."
        ) from error
    except OSError as error:
        raise _not_writable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def _not_writable(place: Path, error: OSError) -> UsageError:
    return UsageError(
        f"Results cannot be written to '{place}': {error.strerror or error}.",
        hint="Name another folder with --results-dir.",
    )
