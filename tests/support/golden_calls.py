"""The calls whose results a rebuild may not change, on the two planted models."""

from __future__ import annotations

from typing import NamedTuple

TEXT = ("--dataset", "builtin", "--batch-size", "4")
SEARCH = ("--screen-top", "8", "--max-iterations", "2", "--enable-causal-scoring")
TASKS = ("--accuracy-tasks", "builtin", "--accuracy-samples", "4")
WINDOWS = ("--tokens", "200", "--window-len", "40", "--stride", "20")
RUN = (*TEXT, *SEARCH, *TASKS, *WINDOWS, "--perplexity-samples", "5", "--bootstrap", "50", "--enable-enrichment")


class Call(NamedTuple):
    """One command.

    Attributes:
        name: Also the folder of its results.
        words: The command line after `swa`, without the folder.
        folder: The option that names the folder.
    """

    name: str
    words: tuple[str, ...]
    folder: str = "--results-dir"

    @property
    def command_line(self) -> list[str]:
        """All words."""
        return [*self.words, self.folder, self.name]


def calls(models: str) -> list[Call]:
    """All calls, in an order in which each finds what it needs.

    Args:
        models: The folder in which `write_planted_models` wrote, as the command line names it.
    """
    dense, mixture = f"{models}/dense", f"{models}/mixture"
    both = (dense, mixture)
    scales = (*TEXT, *SEARCH, *TASKS, *WINDOWS, "--protocol", "windows", "--scales", "0", "0.5", "2")
    # the first of them breaks the model
    broken = ("--super-weights", "L0.mlp.down_proj[9,11]", "--super-weights", "L1.mlp.down_proj[5,20]")
    census = (*TEXT, *WINDOWS, "--all-neurons", "--enable-cosine", "--enable-enrichment")
    return [
        Call("run", ("run", *both, *RUN)),
        Call("evaluate", ("evaluate", *both, *scales)),
        Call("evaluate_broken", ("evaluate", dense, *TEXT, *TASKS, "--perplexity-samples", "5", *broken)),
        Call("cascade", ("cascade", *both, *TEXT, *SEARCH, *WINDOWS, "--layers", "all")),
        Call("census", ("vocab", mixture, *census, "--neurons", "1:e2:30", "0:e1:5")),
        Call("census_broken", ("vocab", dense, *census, "--neurons", "1:20", "2:3", *broken, "--enable-cascade")),
        Call("unconfirmed", ("detect", *both, *TEXT, *SEARCH, "--no-confirm")),
        Call("compare", ("compare", "run"), "--output"),
        Call("report", ("report", "run"), "--output"),
    ]
