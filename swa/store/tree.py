"""Where the files of one model lie (3-artifacts)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from swa.errors import UsageError


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
        return self.path / "data"

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

    def detection(self, timestamp: str) -> Path:
        """A detection record."""
        return self.data / f"detection_{timestamp}.json"

    def detections(self) -> list[Path]:
        """All detection records, newest first."""
        return sorted(self.data.glob("detection_*.json"), key=lambda path: path.name, reverse=True)

    def log(self, timestamp: str) -> Path:
        """A run's log."""
        return self.logs / f"analysis_{timestamp}.log"

    def create(self) -> None:
        """Make the folders and see that they can be written.

        Raises:
            UsageError: They cannot.
        """
        try:
            for folder in (self.path, self.data, self.plots, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder):
                    pass
        except OSError as error:
            raise self._not_writable(error) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of this folder; the lock ends with the process, however it ends.

        Raises:
            UsageError: Another run is at work here, or no lock can be made.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / ".lock", blocking=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise UsageError(
                f"Another run is at work in '{self.path}'.", hint="Wait for it, or name another --results-dir."
            ) from error
        except OSError as error:
            raise self._not_writable(error) from error
        try:
            yield
        finally:
            lock.release()

    def _not_writable(self, error: OSError) -> UsageError:
        return UsageError(
            f"Results cannot be written to '{self.path}': {error.strerror or error}.",
            hint="Name another folder with --results-dir.",
        )
