"""What stands between the last layer and the logits: final norm and unembedding, found by the order of execution."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from swa.models.discovery.layers import layer_lists
from swa.models.discovery.matmuls import storage_of
from swa.models.readout.norms import looks_like_norm


@dataclass(frozen=True)
class Head:
    """The way from the residual stream to the logits.

    Attributes:
        final_norm: Path of the last norm between the layers and the unembedding, `None` where there is none.
        unembedding: Path of the module that makes the logits.
        tied: Whether it uses the embedding's own weight.
        vocabulary: Number of logits.
    """

    final_norm: str | None
    unembedding: str
    tied: bool
    vocabulary: int


def find_head(model: Any, input_ids: Tensor) -> Head:
    """Run one forward pass and see which norm runs after the last layer and before the unembedding."""
    output_embeddings = model.get_output_embeddings()
    layers = {id(layer) for items in layer_lists(model).values() for layer in items}
    after_layers: list[str] = []
    norms: list[str] = []

    def note(path: str, module: nn.Module) -> None:
        if id(module) in layers:
            after_layers.clear()
        elif module is output_embeddings:
            norms[:] = after_layers
        elif looks_like_norm(path, module):
            after_layers.append(path)

    with ExitStack() as stack, torch.no_grad():
        for path, module in model.named_modules():
            hook = module.register_forward_hook(lambda module, _args, _output, path=path: note(path, module))
            stack.callback(hook.remove)
        model(input_ids=input_ids, use_cache=False)
    paths = {id(module): path for path, module in model.named_modules()}
    weight, embedding = output_embeddings.weight, model.get_input_embeddings().weight
    return Head(
        final_norm=norms[-1] if norms else None,
        unembedding=paths[id(output_embeddings)],
        tied=weight is embedding or (weight.device.type != "meta" and storage_of(weight) == storage_of(embedding)),
        vocabulary=weight.shape[0],
    )
