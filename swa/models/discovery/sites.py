"""The down projections of a model: where they are and how to reach one scalar of any of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from swa.errors import UsageError
from swa.schemas.coordinate import CoordinateText, SiteKind

_IN_CHECKPOINT = re.compile(r"block_sparse_moe\.experts\.(?P<expert>\d+)\.w2")
"""Files have one matrix an expert where memory has one parameter a layer, under other names."""


@dataclass(frozen=True)
class Site:
    """One down projection `W` of shape `(d_model, d_ff)`; one expert of a fused parameter is one site.

    Attributes:
        layer: Index of the layer in its own list.
        stack: Path of that list, e.g. `model.layers`.
        kind: Dense, routed expert, shared expert, or a small extra MLP.
        expert: Number of the expert, `None` where the parameter holds a single matrix.
        module: Path of the module that owns the parameter, e.g. `model.layers.11.mlp.down_proj`.
        parameter: Name of the parameter inside that module, mostly `weight`.
        d_model: Number of rows = output channels.
        d_ff: Number of columns = input channels = MLP neurons.
        strides: Strides of row and column in the parameter's storage, in elements.
        offset: Position of `W[0, 0]` relative to the parameter's first element, in elements.
        shared_with: Paths of further layers that use the same parameter.
    """

    layer: int
    stack: str
    kind: SiteKind
    expert: int | None
    module: str
    parameter: str
    d_model: int
    d_ff: int
    strides: tuple[int, int]
    offset: int
    shared_with: tuple[str, ...] = ()

    @property
    def content(self) -> list[JsonValue]:
        """What the key of an item holds of it."""
        return [self.module, self.parameter, self.expert]

    @property
    def inner(self) -> str:
        """Path inside the layer as it stands in a coordinate: `mlp.down_proj`, `mlp.experts.17.down_proj`."""
        path = self.module.removeprefix(f"{self.stack}.{self.layer}").removeprefix(".")
        parts = [path] if path else []
        if self.expert is not None and f".{self.expert}." not in f".{path}.":
            parts.append(str(self.expert))
        if self.parameter != "weight":
            parts.append(self.parameter)
        return ".".join(parts)

    def view(self, parameter: Tensor) -> Tensor:
        """`W` as a view `(d_model, d_ff)` of `parameter` (or of anything that lies like it: gradient, sum)."""
        return torch.as_strided(
            parameter, (self.d_model, self.d_ff), self.strides, parameter.storage_offset() + self.offset
        )


@dataclass(frozen=True)
class SiteMap:
    """All sites of a model, in the order in which a forward pass meets them.

    Attributes:
        sites: Every examined down projection.
        stacks: Paths of the layer lists that hold them (`model.layers`), with their lengths.
        d_model: Width of the residual stream of the main stack.
        unexamined: Modules that look like MLPs but could not be examined, with the reason.
    """

    sites: tuple[Site, ...]
    stacks: dict[str, int]
    d_model: int
    unexamined: tuple[tuple[str, str], ...] = ()

    def __iter__(self) -> Iterator[Site]:
        """Iterate over the sites."""
        return iter(self.sites)

    def __len__(self) -> int:
        """Number of sites; each expert counts."""
        return len(self.sites)

    @property
    def n_layers(self) -> int:
        """Number of layers of all stacks."""
        return sum(self.stacks.values())

    def text(self, site: Site, row: int, col: int) -> str:
        """The coordinate of `W[row, col]` in text form."""
        stack = site.stack if len(self.stacks) > 1 else ""
        return str(CoordinateText(stack=stack, layer=site.layer, inner=site.inner, row=row, col=col))

    def find(self, text: str | CoordinateText) -> Site:
        """The site that a coordinate names.

        Experts may also be named as checkpoints of Mixtral's kind name them: `L1.block_sparse_moe.experts.0.w2[3,5]`.

        Raises:
            UsageError: The model has no such site, or the row or column is out of range.
        """
        wanted = CoordinateText.parse(text) if isinstance(text, str) else text
        for site in self.sites:
            same_stack = wanted.stack in ("", site.stack)
            if same_stack and site.layer == wanted.layer and _is_named(site, wanted.inner):
                if wanted.row < site.d_model and wanted.col < site.d_ff:
                    return site
                raise UsageError(
                    f"{wanted} is out of range: the matrix has {site.d_model} rows and {site.d_ff} columns."
                )
        known = next((site.inner for site in self.sites if site.layer == wanted.layer), None)
        hint = f"Layer {wanted.layer} has {known}." if known else f"Layers are 0 to {self.n_layers - 1}."
        raise UsageError(f"The model has no down projection {wanted}.", hint=hint)


def _is_named(site: Site, inner: str) -> bool:
    in_checkpoint = _IN_CHECKPOINT.fullmatch(inner)
    if in_checkpoint and site.kind == "expert":
        return site.expert == int(in_checkpoint["expert"])
    return site.inner == inner


def parameter_of(model: nn.Module, site: Site) -> Tensor:
    """The parameter that holds the site's matrix (on `meta` where the weights are offloaded)."""
    parameter: Tensor = getattr(model.get_submodule(site.module), site.parameter)
    return parameter
