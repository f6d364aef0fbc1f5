"""Models side by side: how many super weights, what removing them does to perplexity and to accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import MISSING

from swa.reports.plots.bars import LEAST_DROP, Bar, draw_bars
from swa.reports.plots.panels import heading, stacked
from swa.reports.plots.severity import INTACT
from swa.reports.plots.style import CONFIRMED, figure_style, wrapped
from swa.schemas.evaluation import CrossModelStatistics, ModelStatistics
from swa.text.numbers import ratio, share
from swa.text.words import task_title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME_WIDTH = 32
"""Letters in a line of a model's name."""
ROOM = 0.8
"""Share of a row that its bars take."""
BAR_HEIGHT = 0.16
"""Inches of a bar, at least the number beside it."""
LINE_HEIGHT = 0.15
"""Inches of a line of a name."""
NONE = "none"
"""Stands beside the empty bar of a model without super weights."""
LARGEST = "#e08a6d"
"""Colour of the largest single ratio."""


def draw(statistics: CrossModelStatistics) -> Figure:
    """Draw one row a model: number of super weights, perplexity ratios on a log scale, mean drop of each task.

    Models without super weights have an empty bar everywhere. What no model measured has no panel.
    """
    models = statistics.models
    tasks = list(dict.fromkeys(task for model in models for task in _drops(model)))
    ratios = any(model.largest_ratio is not MISSING or model.combined_ratio is not MISSING for model in models)
    names = [wrapped(model.model, NAME_WIDTH) for model in models]
    n_bars, n_lines = max(1, 2 * ratios, len(tasks)), max((name.count("\n") + 1 for name in names), default=1)
    with figure_style():
        figure, _, panels = stacked(
            [], names, 1 + ratios + bool(tasks), row_height=max(BAR_HEIGHT * n_bars, LINE_HEIGHT * n_lines) / ROOM
        )
        left = iter(panels)
        _draw_counts(next(left), models)
        if ratios:
            _draw_ratios(next(left), models)
        if tasks:
            _draw_drops(next(left), models, tasks)
        heading(figure, _summary(statistics))
    return figure


def _summary(statistics: CrossModelStatistics) -> str:
    text = f"{statistics.n_with_super_weights} of {statistics.n_models} models with super weights"
    mean, logarithm = statistics.geometric_mean_ratio, statistics.mean_log_ratio
    if mean is MISSING or logarithm is MISSING:
        return text
    return f"{text}; geometric mean of their single ratios {ratio(mean, logarithm)}"


def _draw_counts(axes: Any, models: Sequence[ModelStatistics]) -> None:
    bars = [
        Bar(row, model.n_super_weights, INTACT, str(model.n_super_weights), height=ROOM / 2)
        for row, model in enumerate(models)
    ]
    draw_bars(axes, bars, start=0.0, log=False, reach=1.0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("confirmed super weights", fontsize=9)


def _draw_ratios(axes: Any, models: Sequence[ModelStatistics]) -> None:
    bars = []
    for row, model in enumerate(models):
        upper, lower = _places(row, 2)
        if not model.n_super_weights and model.largest_ratio is MISSING and model.combined_ratio is MISSING:
            bars.append(Bar(row, 1.0, LARGEST, NONE))
        if model.largest_ratio is not MISSING and model.largest_log_ratio is not MISSING:
            label = ratio(model.largest_ratio, model.largest_log_ratio)
            bars.append(Bar(upper, model.largest_ratio, LARGEST, label, height=ROOM / 2))
        if model.combined_ratio is not MISSING and model.combined_log_ratio is not MISSING:
            label = ratio(model.combined_ratio, model.combined_log_ratio)
            bars.append(Bar(lower, model.combined_ratio, CONFIRMED, label, height=ROOM / 2))
    draw_bars(axes, bars, start=1.0, log=True, reach=2.0)
    axes.set_xlabel("perplexity ratio", fontsize=9)
    _legend(axes, {"largest single removal": LARGEST, "all removed together": CONFIRMED})


def _draw_drops(axes: Any, models: Sequence[ModelStatistics], tasks: Sequence[str]) -> None:
    import seaborn as sns

    colours = dict(zip(tasks, sns.color_palette("colorblind", len(tasks)).as_hex(), strict=True))
    bars = []
    for row, model in enumerate(models):
        if not model.n_super_weights and not _drops(model):
            bars.append(Bar(row, 0.0, INTACT, NONE))
        bars += [
            Bar(place, _drops(model)[task], colours[task], share(_drops(model)[task]), height=ROOM / len(tasks))
            for place, task in zip(_places(row, len(tasks)), tasks, strict=True)
            if task in _drops(model)
        ]
    draw_bars(axes, bars, start=0.0, log=False, reach=LEAST_DROP)
    axes.set_xlabel("mean drop of the single removals", fontsize=9)
    _legend(axes, {task_title(task): colour for task, colour in colours.items()})


def _drops(model: ModelStatistics) -> dict[str, float]:
    return {} if model.mean_drops is MISSING else model.mean_drops


def _places(row: int, n_bars: int) -> list[float]:
    """Middles of the bars of one row, from the top."""
    return [row + ROOM * ((index + 0.5) / n_bars - 0.5) for index in range(n_bars)]


def _legend(axes: Any, colours: dict[str, str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=colour, label=wrapped(text, NAME_WIDTH)) for text, colour in colours.items()]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=8)
