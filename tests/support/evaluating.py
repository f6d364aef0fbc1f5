"""What tests of the evaluation share: a tiny model that takes longer prompts, ledgers that are watched, oracles."""

from __future__ import annotations

import copy
import dataclasses
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from swa.data.sources import TextSource
from swa.models.discovery.sites import parameter_of
from swa.models.loading.loaded import LoadedModel
from swa.progress import SilentProgress, Task
from swa.schemas.detection import SuperWeight
from swa.store.ledger import FileLedger
from swa.store.tree import ModelFolder
from tests.support.tiny_checkpoint import letter_tokenizer
from tests.support.tiny_loaded import loaded_tiny

_DRAW = random.Random(8)
WORDS = ["".join(_DRAW.choice("abcdefghij") for _ in range(_DRAW.randint(2, 9))) for _ in range(60)]
PARAGRAPHS = tuple(
    row
    for i in range(12)
    for row in ("", f" = Heading {i} = ", " " + " ".join(_DRAW.choice(WORDS) for _ in range(8 + 2 * i)) + " ")
)
TEXT = TextSource("words", PARAGRAPHS)
"""Paragraphs of 8 to 30 drawn words, with headings between them."""


def reading_model(name: str = "llama", *, context_length: int = 512) -> LoadedModel:
    """A tiny model with a real tokenizer of letters; its position embeddings must reach that far."""
    return dataclasses.replace(loaded_tiny(name), tokenizer=letter_tokenizer(), context_length=context_length)


def super_weight(loaded: LoadedModel, number: int, row: int, col: int) -> SuperWeight:
    """A scalar of site `number`, as detection would record it."""
    site = loaded.sites.sites[number]
    return SuperWeight(
        model=loaded.name,
        layer=site.layer,
        site=site.kind,
        expert=site.expert,
        row=row,
        col=col,
        module=site.module,
        coordinate=loaded.sites.text(site, row, col),
        weight=1.0,
        prompts=[],
        found_by=[],
        published=False,
    )


def weights_of(loaded: LoadedModel) -> list[SuperWeight]:
    """Two scalars in the first and the last matrix; of experts, where there are any."""
    experts = [number for number, site in enumerate(loaded.sites) if site.kind == "expert"]
    first, *_, last = experts or range(len(loaded.sites))
    return [super_weight(loaded, first, 3, 5), super_weight(loaded, last, 2, 1)]


def planted_model(name: str) -> tuple[LoadedModel, list[SuperWeight]]:
    """A tiny model in which two scalars matter, and the scalars."""
    loaded = reading_model(name)
    loaded = dataclasses.replace(loaded, model=copy.deepcopy(loaded.model))
    weights = weights_of(loaded)
    with torch.no_grad():
        for weight in weights:
            site = loaded.sites.find(weight.coordinate)
            site.view(parameter_of(loaded.model, site).data)[weight.row, weight.col] = 30.0
    return loaded, weights


def edited_copy(loaded: LoadedModel, weights, factor: float = 0.0):
    """A copy of the network with scalars multiplied, made without the engine."""
    network = copy.deepcopy(loaded.model)
    with torch.no_grad():
        for weight in weights:
            site = loaded.sites.find(weight.coordinate)
            matrix = site.view(getattr(network.get_submodule(site.module), site.parameter).data)
            matrix[weight.row, weight.col] *= factor
    return network


@contextmanager
def interrupted_after(is_time: Callable[[FileLedger], object]) -> Iterator[None]:
    """The process is interrupted before it keeps its next answer."""
    put = FileLedger.put

    def interrupting(ledger, key, answer):
        if is_time(ledger):
            raise KeyboardInterrupt
        put(ledger, key, answer)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FileLedger, "put", interrupting)
        yield


def answers_in(folder: ModelFolder) -> dict[Path, int]:
    """When each answer of an item was written."""
    return {path: path.stat().st_mtime_ns for path in folder.ledger.iterdir()}


class Heard(SilentProgress):
    """Remembers what is said."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.infos: list[str] = []
        self.tasks: list[str] = []

    @contextmanager
    def task(self, description: str, n_steps: int) -> Iterator[Task]:
        self.tasks.append(description)
        with super().task(description, n_steps) as task:
            yield task

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def info(self, message: str) -> None:
        self.infos.append(message)
