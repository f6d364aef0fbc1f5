"""Files of all models of one call, in the results folder itself (docs/files.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from swa.store.atomic import write_error
from swa.store.names import timestamp
from swa.store.tree import locked, make_writable, newest_first


@dataclass(frozen=True)
class ResultsFolder:
    """A results folder, which holds one folder a model.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def summary_plots(self) -> Path:
        """Figures over models."""
        return self.path / "summary_plots"

    @property
    def model_comparison(self) -> Path:
        """Figure of the newest evaluation of several models."""
        return self.summary_plots / "model_comparison.png"

    @property
    def run_config(self) -> Path:
        """Effective options of each command, of all its models."""
        return self.path / "run_config.json"

    @property
    def cross_model_summary(self) -> Path:
        """All models of the newest `swa vocab`."""
        return self.path / "cross_model_summary.json"

    @property
    def readme(self) -> Path:
        """What is in the tree of `swa vocab`."""
        return self.path / "README.md"

    def complete_analyses(self) -> list[Path]:
        """Records of evaluations of one call, newest first."""
        return newest_first(self.path, "complete_analysis_*.json")

    def create(self) -> None:
        """Make the folder and see that it can be written.

        Raises:
            UsageError: It cannot.
        """
        make_writable(self.path, (self.path,))

    def create_summary_plots(self) -> None:
        """Make the folder of the figures.

        Raises:
            WriteError: It cannot be made.
        """
        try:
            self.summary_plots.mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(self.summary_plots, error) from error

    @contextmanager
    def new_complete_analysis(self) -> Iterator[Path]:
        """The file for a new record of a call; until it is written, no other run takes the name."""
        with locked(self.path, wait=True):
            yield self._complete_analysis(timestamp(lambda taken: self._complete_analysis(taken).exists()))

    def _complete_analysis(self, stamp: str) -> Path:
        return self.path / f"complete_analysis_{stamp}.json"


@dataclass(frozen=True)
class RunFolder:
    """Where `swa run` puts the results of its steps, and what it says about all of them.

    Attributes:
        path: The folder; report and `run_config.json` are in it.
    """

    path: Path

    @property
    def evaluations(self) -> ResultsFolder:
        """Detections and evaluations."""
        return ResultsFolder(self.path / "comprehensive_super_weight_analysis")

    @property
    def cards(self) -> ResultsFolder:
        """Cards of super weights and neurons."""
        return ResultsFolder(self.path / "vocab-analysis")

    @property
    def comparison(self) -> Path:
        """The models side by side."""
        return self.path / "comparison"

    @property
    def run_config(self) -> Path:
        """Effective options of the last `swa run`."""
        return self.path / "run_config.json"

    def create(self) -> None:
        """Make the folders and see that they can be written.

        Raises:
            UsageError: They cannot.
        """
        make_writable(self.path, (self.path, self.evaluations.path, self.cards.path))
