"""`doctor`: what was found in a model, and proof that a planted super weight would be found in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from swa.detection.analysis import prompt_ids
from swa.detection.extremes import find_extremes
from swa.detection.options import DEFAULT_PROMPT
from swa.detection.result import describe_architecture
from swa.engine.capture.capture import capture
from swa.engine.variants.interventions import ScaleEntries, applied
from swa.models.discovery.sites import Site
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.weights import matrix_of
from swa.models.readout.head import Head, find_head

_LOUDER = 10.0
"""The planted output is this many times the largest one of all sites."""


@dataclass(frozen=True)
class PlantTest:
    """A super weight planted at a known place for a moment.

    Attributes:
        planted: Its coordinate.
        found: What detection attributes the largest output of that site to.
        changes_logits: Whether removing it changes the model's output.
        restored: Whether the logits are the same to the bit after the weights were put back.
    """

    planted: str
    found: str
    changes_logits: bool
    restored: bool

    @property
    def passed(self) -> bool:
        """Whether all three hold."""
        return self.planted == self.found and self.changes_logits and self.restored


@dataclass(frozen=True)
class Examination:
    """What `doctor` found.

    Attributes:
        architecture: Type and layout.
        n_layers: Layers by the path of their list.
        n_sites: Down projections by kind.
        shapes: `d_model × d_ff` of the down projections by kind.
        paths: One coordinate of each kind, to show how they are written.
        head: Final norm and unembedding.
        plant: The self-test.
        n_bytes: Memory of all parameters in their type in memory.
    """

    architecture: str
    n_layers: dict[str, int]
    n_sites: dict[str, int]
    shapes: dict[str, str]
    paths: dict[str, str]
    head: Head
    plant: PlantTest
    n_bytes: int


def examine(loaded: LoadedModel) -> Examination:
    """Look at a model and plant a super weight in a copy-free, bit-exactly undone way.

    Args:
        loaded: The model; its weights are the same to the bit afterwards.
    """
    ids = prompt_ids(loaded, DEFAULT_PROMPT)[:, : loaded.context_length]
    shapes: dict[str, set[str]] = {}
    paths: dict[str, str] = {}
    for site in loaded.sites:
        shapes.setdefault(site.kind, set()).add(f"{site.d_model} × {site.d_ff}")
        paths.setdefault(site.kind, loaded.sites.text(site, 0, 0))
    return Examination(
        architecture=describe_architecture(loaded),
        n_layers=dict(loaded.sites.stacks),
        n_sites=dict(Counter(site.kind for site in loaded.sites)),
        shapes={kind: ", ".join(sorted(several)) for kind, several in shapes.items()},
        paths=paths,
        head=find_head(loaded.model, ids),
        plant=plant_and_find(loaded, ids),
        n_bytes=sum(p.numel() * p.element_size() for p in loaded.model.parameters()),
    )


def plant_and_find(loaded: LoadedModel, input_ids: Tensor) -> PlantTest:
    """Make one weight of a middle layer a super weight, find it, remove it, undo everything.

    Args:
        loaded: The model.
        input_ids: A text `(1, n_tokens)`.
    """
    intact = capture(loaded.model, loaded.sites.sites, input_ids)
    reached = [site for site in loaded.sites if site in intact.sites and bool(intact.sites[site].x.any())]
    site = reached[len(reached) // 2]
    edit = _plant(site, intact.sites[site].x.float(), matrix_of(loaded.model, site).float(), _loudest(intact))
    before = _logits(loaded.model, input_ids)
    with applied(loaded, [edit]):
        planted = capture(loaded.model, [site], input_ids)
        with_plant = _logits(loaded.model, input_ids)
        weight = matrix_of(loaded.model, site).clone()
        if loaded.offloaded:
            weight[edit.index] = weight[edit.index] * edit.factor
        seen = find_extremes(site, planted, weight, prompt=0).spike
    with applied(loaded, [ScaleEntries(site, edit.row, edit.col)]):
        removed = _logits(loaded.model, input_ids)
    return PlantTest(
        planted=loaded.sites.text(site, *_place(edit)),
        found=loaded.sites.text(site, seen.row, seen.col),
        changes_logits=not torch.equal(with_plant, removed),
        restored=torch.equal(before, _logits(loaded.model, input_ids)),
    )


def _loudest(activations: Any) -> float:
    return max(float(seen.y.float().abs().max()) for seen in activations.sites.values())


def _plant(site: Site, x: Tensor, weight: Tensor, loudest: float) -> ScaleEntries:
    """The edit that makes the largest input channel drive one output far above all others."""
    col = int(x.abs().amax(dim=0).argmax())
    row = int(weight[:, col].abs().argmax())
    term = float(weight[row, col].abs() * x[:, col].abs().max())
    return ScaleEntries(site, row, col, factor=1.0 + _LOUDER * (loudest + 1.0) / term)


def _place(edit: ScaleEntries) -> tuple[int, int]:
    assert edit.row is not None
    assert edit.col is not None
    return edit.row, edit.col


def _logits(model: Any, input_ids: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(input_ids=input_ids, use_cache=False).logits
    return logits
