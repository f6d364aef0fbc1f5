"""The records of `swa cascade` in a model's folder, and the figures that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pydantic import MISSING

from swa.runs.driver.provenance import last_run
from swa.runs.files.cards import Figures
from swa.schemas.cascade import CascadeResult
from swa.schemas.run import Configuration, NamedByModule, RunHeader
from swa.store.cards import CardFile
from swa.store.vocab_names import super_weight_stem
from swa.store.vocab_tree import VocabFolder

NAME = "cascade"
"""Name of the command, and of the file in a header's configurations."""


@dataclass(frozen=True)
class SavedCascades:
    """What earlier runs left.

    Attributes:
        folder: The model's folder.
        file: The file of records.
        results: Its records.
        header: The last run, `None` where nothing says.
    """

    folder: VocabFolder
    file: CardFile[CascadeResult]
    results: tuple[CascadeResult, ...]
    header: RunHeader | None

    @classmethod
    def open(cls, folder: VocabFolder, warn: Callable[[str], None]) -> SavedCascades:
        """Read what is there.

        Raises:
            WriteError: A torn line could not be cut off.
        """
        file = CardFile(folder.cascade_results, CascadeResult, warn=warn)
        return cls(folder, file, tuple(file.read()), last_run(folder, NAME))

    @property
    def configuration(self) -> Configuration | None:
        """What the records depend on, `None` where nothing says."""
        found = MISSING if self.header is None else self.header.configurations
        return None if found is MISSING else found.get(NAME)

    @property
    def by_module(self) -> NamedByModule:
        """Modules that stand in the names of figures."""
        found = MISSING if self.header is None else self.header.named_by_module
        return NamedByModule(neurons=[], super_weights=[]) if found is MISSING else found

    def holds(self, coordinates: Iterable[str]) -> bool:
        """Whether all of these super weights have a record."""
        there = {result.coordinate for result in self.results}
        return self.header is not None and self.file.path.exists() and there >= set(coordinates)


def chosen(results: Sequence[CascadeResult], coordinates: Sequence[str]) -> list[CascadeResult]:
    """The records of these super weights, in their order."""
    by_coordinate = {result.coordinate: result for result in results}
    return [by_coordinate[text] for text in coordinates]


def figures_of(folder: VocabFolder, results: Iterable[CascadeResult], by_module: NamedByModule) -> Figures:
    """The figure of every record."""
    figures: Figures = {}
    for result in results:
        figures |= _figure(folder, result, super_weight_stem(result, by_module.super_weights))
    return figures


def _figure(folder: VocabFolder, result: CascadeResult, stem: str) -> Figures:
    from swa.reports.plots import cascade
    from swa.reports.plots.style import png

    title = f"{result.model}: {result.coordinate}, by layer"
    residual = cascade.ResidualRow(result.h_row_baseline, result.h_row_removed)
    path = folder.super_weight_plots / f"{stem}-cascade.png"
    return {path: lambda: png(cascade.draw(result.cascade, title=title, layer=result.layer, residual=residual))}


def paths_of(folder: VocabFolder) -> dict[str, str]:
    """What there is, by name."""
    paths = {
        "cascade": folder.cascade_results,
        "figures": folder.super_weight_plots,
        "run_config": folder.run_config,
        "log": folder.log(""),
    }
    return {name: str(path) for name, path in paths.items() if path.exists()}
