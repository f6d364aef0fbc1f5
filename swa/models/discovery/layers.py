"""Where a model's layers are."""

from __future__ import annotations

from torch import Tensor, nn


def layer_lists(model: nn.Module) -> dict[str, nn.ModuleList]:
    """The outermost `nn.ModuleList`s of a model, by path; their items are taken for layers where they are executed."""
    found: dict[str, nn.ModuleList] = {}
    for path, module in model.named_modules():
        nested = any(path.startswith(f"{outer}.") for outer in found)
        if isinstance(module, nn.ModuleList) and not nested:
            found[path] = module
    return found


def layers_with(model: nn.Module, parameter: Tensor) -> frozenset[nn.Module]:
    """The layers that a parameter lies in: several where they share it, none where it lies outside of them."""
    return frozenset(
        layer
        for layers in layer_lists(model).values()
        for layer in layers
        if any(own is parameter for own in layer.parameters())
    )
