"""What discovery finds in a tiny model, and whether a super weight planted in each kind of site is found."""

from __future__ import annotations

import random
from collections import Counter
from typing import NamedTuple

import torch

from swa.detection.extremes import find_extremes
from swa.engine.capture.capture import capture
from swa.engine.variants.ablation import edited_in_place
from swa.engine.variants.interventions import ScaleEntries
from swa.models.discovery.sites import Site, parameter_of
from swa.models.loading.loaded import LoadedModel

IDS = torch.randint(6, 100, (1, 11), generator=torch.Generator().manual_seed(3))


class Planted(NamedTuple):
    """The fate of one planted super weight.

    Attributes:
        coordinate: Where it was planted.
        found: What the screen attributes the site's largest output to.
        is_largest: Whether no other site has a larger output.
        acts: Whether removing it changes the logits.
        restored: Whether the logits are the same to the bit afterwards.
    """

    coordinate: str
    found: str
    is_largest: bool
    acts: bool
    restored: bool


def layout(loaded: LoadedModel) -> str:
    """Kinds and numbers of sites, and how the matrices lie."""
    names = {"mlp_out": "dense", "expert": "experts", "shared_expert": "shared", "aux": "aux"}
    counts = Counter(site.kind for site in loaded.sites)
    parts = []
    for kind, n_sites in counts.items():
        example = next(site for site in loaded.sites if site.kind == kind)
        shape = tuple(parameter_of(loaded.model, example).shape)
        turned = "" if example.strides[1] == 1 else " (in, out)"
        parts.append(f"{n_sites} {names[kind]} in {len(shape)}-D parameters{turned}")
    return "; ".join(parts)


def plant(loaded: LoadedModel, site: Site) -> Planted:
    """Make one scalar loud, find it, remove it, put everything back."""
    model = loaded.model
    intact = _logits(model)
    seen = capture(model, loaded.sites.sites, IDS).sites
    loudest = max(float(activation.y.abs().max()) for activation in seen.values())
    x = seen[site].x
    token = int(x.abs().amax(dim=1).argmax())
    col = int(x[token].abs().argmax())
    row = (7 * col + 3) % site.d_model
    weight = site.view(parameter_of(model, site).data)
    loud = float(max(100.0, 50 * loudest) / x[token, col])
    with edited_in_place(model, [ScaleEntries(site, row, col, loud / float(weight[row, col]))]):
        after = capture(model, loaded.sites.sites, IDS)
        extremes = find_extremes(site, after, weight, prompt=0).spike
        largest = max(after.sites, key=lambda other: float(after.sites[other].y.abs().max()))
        with_plant = _logits(model)
    with edited_in_place(model, [ScaleEntries(site, row, col)]):
        removed = _logits(model)
    return Planted(
        coordinate=loaded.sites.text(site, row, col),
        found=loaded.sites.text(site, extremes.row, extremes.col),
        is_largest=(largest.module, largest.parameter) == (site.module, site.parameter),
        acts=not torch.equal(removed, with_plant),
        restored=torch.equal(_logits(model), intact),
    )


def one_site_of_each_kind(loaded: LoadedModel, *, seed: str) -> list[Site]:
    """A seeded site of each kind that the tokens reach with an input that is not zero."""
    seen = capture(loaded.model, loaded.sites.sites, IDS).sites
    chosen = []
    for kind in dict.fromkeys(site.kind for site in loaded.sites):
        reached = [site for site in seen if site.kind == kind and bool(seen[site].x.any())]
        if reached:
            chosen.append(random.Random(f"{seed}:{kind}").choice(reached))
    return chosen


def _logits(model) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=IDS, use_cache=False).logits


def row_of(name: str, loaded: LoadedModel, planted: list[Planted]) -> str:
    """The line of a type in docs/architectures.md."""
    found = sum(one.coordinate == one.found for one in planted)
    examples = ", ".join(f"`{one.coordinate}`" for one in planted)
    cells = [name, layout(loaded), loaded.sites.n_layers, len(loaded.sites), f"{found}/{len(planted)}", examples]
    return f"| {' | '.join(map(str, cells))} |"
