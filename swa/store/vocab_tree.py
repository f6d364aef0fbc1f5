"""Where the files of one model lie in the tree of `swa vocab` and `swa cascade`.

See docs/files.md#vocabulary-and-cascade.
"""

from __future__ import annotations

from pathlib import Path

from swa.store.tree import ModelFolder, make_writable


class VocabFolder(ModelFolder):
    """The folder of one model; a detection that is made on the way lies in it as it does elsewhere."""

    @property
    def neuron_metrics(self) -> Path:
        """Records of neurons."""
        return self.path / "metrics" / "neurons"

    @property
    def super_weight_metrics(self) -> Path:
        """Records of interventions."""
        return self.path / "metrics" / "super_weights"

    @property
    def cascade_metrics(self) -> Path:
        """Records of `swa cascade`."""
        return self.path / "metrics" / "cascade"

    @property
    def neuron_cards(self) -> Path:
        """Cards of neurons, one a line."""
        return self.neuron_metrics / "neurons.jsonl"

    @property
    def census(self) -> Path:
        """Moments and label of every neuron."""
        return self.neuron_metrics / "census.parquet"

    @property
    def super_weight_cards(self) -> Path:
        """Cards of super weights, one a line."""
        return self.super_weight_metrics / "super_weights.jsonl"

    @property
    def cascade_results(self) -> Path:
        """Records of `swa cascade`, one a line."""
        return self.cascade_metrics / "cascade.jsonl"

    @property
    def neuron_plots(self) -> Path:
        """Figures of neurons."""
        return self.plots / "neurons"

    @property
    def super_weight_plots(self) -> Path:
        """Figures of super weights."""
        return self.plots / "super_weights"

    @property
    def summaries(self) -> Path:
        """Tables, one row a card."""
        return self.path / "summaries"

    @property
    def neuron_table(self) -> Path:
        """Cards of neurons, one a row."""
        return self.summaries / "neurons.csv"

    @property
    def super_weight_table(self) -> Path:
        """Cards of super weights, one a row."""
        return self.summaries / "super_weights.csv"

    def log(self, timestamp: str) -> Path:
        """The log of all runs, one behind the other."""
        del timestamp
        return self.path / "analysis.log"

    def is_taken(self, timestamp: str) -> bool:
        """Whether a detection has this name; nothing else in this tree has a time in its name."""
        return self.detection(timestamp).exists()

    def create(self, *more: Path) -> None:
        """Make the folder, and those named beside, and see that they can be written.

        Raises:
            UsageError: They cannot.
        """
        make_writable(self.path, (self.path, *more))
