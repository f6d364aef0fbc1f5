"""Plant super weights in tiny models, for the time of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch

from swa.models.discovery.sites import Site, parameter_of
from swa.models.loading.loaded import LoadedModel


class Plant(NamedTuple):
    site: Site
    row: int
    col: int


@contextmanager
def planted(loaded: LoadedModel, site: Site, ids: torch.Tensor, *, output: float = 400.0) -> Iterator[Plant]:
    """Make one scalar of `site` drive one output to about `output` on the given tokens: the loudest input channel's."""
    from swa.engine.capture.capture import capture

    seen = capture(loaded.model, [site], ids).sites[site]
    token = int(seen.x.abs().amax(1).argmax())
    col = int(seen.x[token].abs().argmax())
    row = (7 * col + 3) % site.d_model
    weight = site.view(parameter_of(loaded.model, site).data)
    old = weight[row, col].clone()
    with torch.no_grad():
        weight[row, col] = output / seen.x[token, col]
    try:
        yield Plant(site, row, col)
    finally:
        with torch.no_grad():
            weight[row, col] = old
