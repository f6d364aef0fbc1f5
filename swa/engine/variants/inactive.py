"""Why did removing a scalar change nothing at all? There are honest reasons, and one that is an error."""

from __future__ import annotations

from torch import Tensor

from swa.engine.capture.capture import capture
from swa.engine.variants.interventions import ScaleEntries, applied
from swa.errors import UnsupportedModelError
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.weights import matrix_of
from swa.models.unit import Address


def why_inactive(loaded: LoadedModel, address: Address, input_ids: Tensor) -> str:
    """The reason why removal leaves the loss exactly as it was.

    Args:
        loaded: The model.
        address: Site, row and column of the removed scalar.
        input_ids: A text `(1, seq)` to look at.

    Raises:
        UnsupportedModelError: Weight and input are not zero and yet the output channel stays the same: the model
            computes from a copy of its weights, and every measured zero would be a lie.
    """
    site, row, col = address
    if float(matrix_of(loaded.model, site)[row, col]) == 0:
        return "the weight is 0"
    ids = input_ids.to(loaded.device)
    intact = capture(loaded.model, [site], ids).sites.get(site)
    if intact is None and site.expert is not None:
        return "no token reached this expert"
    if intact is not None:
        if not bool(intact.x[:, col].any()):
            return "the input is 0 on every token"
        with applied(loaded, [ScaleEntries(site, row, col)]):
            removed = capture(loaded.model, [site], ids).sites[site]
        if bool((removed.y[:, row] != intact.y[:, row]).any()):
            return "the output changes, the loss does not"
    raise UnsupportedModelError(
        f"Editing {loaded.sites.text(*address)} has no effect: the model computes from a copy of its weights."
    )
