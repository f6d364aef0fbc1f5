"""What is done to the model for each super weight: its removal, its neuron zeroed, control scalars removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.errors import UsageError
from swa.models.discovery.sites import Site
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.weights import matrix_of
from swa.models.published import published_scalars
from swa.schemas.detection import SuperWeight
from swa.vocabulary.controls import control_scalars


@dataclass(frozen=True)
class Intervention:
    """The variants of one super weight.

    Attributes:
        record: The super weight.
        site: Its down projection.
        removal: The scalar set to zero.
        neuron: Its whole column set to zero.
        controls: Control scalars, each set to zero alone.
        control_coords: Row and column of each control.
    """

    record: SuperWeight
    site: Site
    removal: Variant
    neuron: Variant
    controls: tuple[Variant, ...]
    control_coords: tuple[tuple[int, int], ...]

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All of them."""
        return (self.removal, self.neuron, *self.controls)


def interventions_of(
    loaded: LoadedModel,
    super_weights: Sequence[SuperWeight],
    *,
    candidates: Sequence[SuperWeight],
    control_samples: int,
    seed: int,
) -> list[Intervention]:
    """Find the sites and draw the controls.

    Args:
        loaded: The model.
        super_weights: What gets a card.
        candidates: Everything that a detection pointed to: no control shares a row or a column with it.
        control_samples: Controls of each.
        seed: Seed of the draws.

    Raises:
        UsageError: A coordinate is not one of the model's, or a matrix has no control for it.
    """
    special: dict[Site, set[tuple[int, int]]] = {}
    for weight in (*super_weights, *candidates):
        special.setdefault(loaded.sites.find(weight.coordinate), set()).add((weight.row, weight.col))
    found = []
    for weight in super_weights:
        site = loaded.sites.find(weight.coordinate)
        places = control_scalars(
            matrix_of(loaded.model, site),
            (weight.row, weight.col),
            n=control_samples,
            special=sorted(special[site] | _published(loaded, site)),
            seed=seed,
            name=weight.coordinate,
        )
        if not places:
            raise UsageError(
                f"{site.module} has no scalar outside the rows and columns of super weights for a control."
            )
        name = weight.coordinate
        found.append(
            Intervention(
                record=weight,
                site=site,
                removal=Variant(name, (ScaleEntries(site, weight.row, weight.col),)),
                neuron=Variant(f"{name} neuron", (ScaleEntries(site, None, weight.col),)),
                controls=tuple(
                    Variant(f"{name} control {row},{col}", (ScaleEntries(site, row, col),)) for row, col in places
                ),
                control_coords=tuple(places),
            )
        )
    return found


def _published(loaded: LoadedModel, site: Site) -> set[tuple[int, int]]:
    """Published coordinates of the matrix; another model of the same name may be smaller."""
    scalars = published_scalars(loaded.name, layer=site.layer)
    return {(row, col) for row, col in scalars if row < site.d_model and col < site.d_ff}
