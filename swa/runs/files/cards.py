"""What follows from the cards of a model: tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pydantic import MISSING

from swa.findings.names import place_of
from swa.progress import Progress
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.run import NamedByModule
from swa.store.atomic import remove, write_bytes, write_text
from swa.store.vocab_names import neuron_stem, super_weight_stem
from swa.store.vocab_tree import VocabFolder
from swa.tables.flat import csv_of
from swa.tables.neurons import neuron_table
from swa.tables.super_weights import super_weight_table

Figures = dict[Path, Callable[[], bytes]]
"""How the content of each figure is made, by path."""


def prepare(folder: VocabFolder) -> None:
    """Make the folders that only a vocabulary analysis has.

    Raises:
        UsageError: They cannot be written.
    """
    folder.create(
        folder.neuron_metrics,
        folder.super_weight_metrics,
        folder.neuron_plots,
        folder.super_weight_plots,
        folder.summaries,
    )


def write_tables(folder: VocabFolder, super_weights: Sequence[SuperWeightCard], neurons: Sequence[NeuronCard]) -> None:
    """Write a table beside each file of cards, unless it is there already.

    Raises:
        WriteError: They could not be written.
    """
    if folder.neuron_cards.exists():
        write_if_other(folder.neuron_table, csv_of(neuron_table(neurons)))
    if folder.super_weight_cards.exists():
        write_if_other(folder.super_weight_table, csv_of(super_weight_table(super_weights)))


def write_if_other(path: Path, text: str) -> None:
    """Write a text file unless it holds just that.

    Raises:
        WriteError: It could not be written.
    """
    try:
        if path.read_bytes() == text.encode():
            return
    except OSError:  # it is not there, or nobody may read it: then it is written anew
        pass
    write_text(path, text)


def write_derived(
    folder: VocabFolder,
    super_weights: Sequence[SuperWeightCard],
    neurons: Sequence[NeuronCard],
    by_module: NamedByModule,
    progress: Progress,
) -> None:
    """Write tables and figures that are not there.

    Raises:
        WriteError: One could not be written.
    """
    write_tables(folder, super_weights, neurons)
    draw_missing(figures_of(folder, super_weights, neurons, by_module), progress)


def paths_of(folder: VocabFolder) -> dict[str, str]:
    """What there is in a model's folder, by name."""
    paths = {
        "super_weights": folder.super_weight_cards,
        "neurons": folder.neuron_cards,
        "census": folder.census,
        "super_weight_table": folder.super_weight_table,
        "neuron_table": folder.neuron_table,
        "super_weight_figures": folder.super_weight_plots,
        "neuron_figures": folder.neuron_plots,
        "run_config": folder.run_config,
        "log": folder.log(""),
    }
    return {name: str(path) for name, path in paths.items() if path.exists()}


def draw_missing(figures: Figures, progress: Progress) -> None:
    """Draw the figures that are not there.

    Raises:
        WriteError: One could not be written.
    """
    missing = {path: content for path, content in figures.items() if not path.exists()}
    if not missing:
        return
    with progress.task("Figures", len(missing)) as task:
        for path, content in missing.items():
            write_bytes(path, content())
            task.advance()


def remove_figures(figures: Iterable[Path]) -> None:
    """Remove figures of cards that are replaced: what is not there is drawn anew.

    Raises:
        WriteError: One stays.
    """
    for path in figures:
        remove(path)


def figures_of(
    folder: VocabFolder,
    super_weights: Iterable[SuperWeightCard],
    neurons: Iterable[NeuronCard],
    by_module: NamedByModule,
) -> Figures:
    """All figures of these cards."""
    figures: Figures = {}
    for card in super_weights:
        figures |= _super_weight_figures(folder, card, super_weight_stem(card, by_module.super_weights))
    for neuron in neurons:
        figures |= _neuron_figure(folder, neuron, neuron_stem(neuron, by_module.neurons))
    return figures


def _super_weight_figures(folder: VocabFolder, card: SuperWeightCard, stem: str) -> Figures:
    from swa.reports.plots import cascade, intervention_deltas, token_shifts
    from swa.reports.plots.style import png

    figures: Figures = {
        folder.super_weight_plots / f"{stem}-deltas.png": lambda: png(intervention_deltas.draw(card)),
        folder.super_weight_plots / f"{stem}-tokens.png": lambda: png(token_shifts.draw(card)),
    }
    block = card.cascade
    if block is not MISSING:
        title = f"{card.model}: {place_of(card)}, by layer"
        path = folder.super_weight_plots / f"{stem}-cascade.png"
        figures[path] = lambda: png(cascade.draw(block, title=title, layer=card.layer))
    return figures


def _neuron_figure(folder: VocabFolder, card: NeuronCard, stem: str) -> Figures:
    from swa.reports.plots import neuron_effects
    from swa.reports.plots.style import png

    return {folder.neuron_plots / f"{stem}-effects.png": lambda: png(neuron_effects.draw(card))}
