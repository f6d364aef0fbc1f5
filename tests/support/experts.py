"""Mixtures of experts in tests: which types, and what their own routers say, read without swa."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch

from swa.models.discovery.sites import Site, parameter_of
from swa.models.loading.loaded import LoadedModel

LAYOUTS = (
    "mixtral qwen2_moe qwen3_moe olmoe deepseek_v2 deepseek_v3 gpt_oss phimoe granitemoe jamba glm4_moe ernie4_5_moe "
    "dbrx llama4_text longcat_flash jetmoe"
).split()
"""Every layout of experts, and every way to route to them."""
HYBRIDS = {"deepseek_v3": 1, "glm4_moe@dense3": 3, "qwen3_moe@hybrid": 1, "ernie4_5_moe": 1, "cohere2_moe@shared": 1}
"""Types whose first layers are dense, with the number of these."""
EVERY = list(dict.fromkeys([*LAYOUTS, *HYBRIDS]))
SHARED = ["qwen2_moe", "deepseek_v3", "granitemoeshared", "llama4_text", "ernie4_5_moe"]
"""Types with a shared expert beside the routed ones."""

IDS = torch.randint(6, 100, (1, 11), generator=torch.Generator().manual_seed(3))
WINDOWS = torch.randint(6, 100, (5, 24), generator=torch.Generator().manual_seed(8))


def direct_selections(model, ids: torch.Tensor) -> dict[int, torch.Tensor]:
    """Layer → `(n_tokens, k)` indices, from hooks on the routers themselves."""
    seen: dict[int, torch.Tensor] = {}
    undo: list[Callable[[], None]] = []
    kind = model.config.get_text_config().model_type
    for number, layer in enumerate(_layers(model)):
        for name, module in layer.named_modules():
            if kind == "dbrx" and name == "ffn":
                own = module.route_tokens_to_experts

                def routed(logits, own=own, number=number):
                    weights, index = own(logits)
                    seen[number] = index
                    return weights, index

                module.route_tokens_to_experts = routed
                undo.append(lambda module=module: delattr(module, "route_tokens_to_experts"))
            elif _is_router(module) and not name.startswith("self_attention"):
                hook = module.register_forward_hook(
                    lambda module, _a, output, number=number: seen.update({number: _index(module, output)})
                )
                undo.append(hook.remove)
    with torch.no_grad():
        model(input_ids=ids, use_cache=False)
    for step in undo:
        step()
    return seen


def _layers(model):
    return next(module for module in model.modules() if isinstance(module, torch.nn.ModuleList))


def _is_router(module) -> bool:
    name = type(module).__name__
    return name.endswith(("Router", "Gate", "TopKGating")) and not name.startswith("Dbrx")


def _index(module, output) -> torch.Tensor:
    if len(output) == 5:  # JetMoE: its own selection is the top of these logits
        return output[4].topk(module.top_k, dim=1).indices
    if len(output) == 2:  # Llama 4: likewise
        return output[1].topk(module.top_k, dim=1).indices
    return output[2]


def experts_of(loaded: LoadedModel, layer: int | None = None) -> list[Site]:
    """The routed experts of a layer, or of all."""
    return [site for site in loaded.sites if site.kind == "expert" and layer in (None, site.layer)]


class ExpertPlant(NamedTuple):
    """A super weight planted in an expert.

    Attributes:
        site: The expert's down projection.
        row: Output channel.
        col: Input channel, which is loud too.
        x: The largest |input| of that channel.
    """

    site: Site
    row: int
    col: int
    x: float


@contextmanager
def planted_expert(
    loaded: LoadedModel, site: Site, ids: torch.Tensor, *, loudness: float = 300.0, output: float = 400.0
) -> Iterator[ExpertPlant]:
    """Make one input channel of an expert loud and let it drive one output to about `output`, as super weights do."""
    from swa.engine.capture.capture import capture

    down = site.view(parameter_of(loaded.model, site).data)
    x = capture(loaded.model, [site], ids).sites[site].x
    col = int(x.abs().amax(0).argmax())
    row = (7 * col + 3) % site.d_model
    up = _up_row(loaded.model, site, col)
    before, old = up.clone(), down[row, col].clone()
    try:
        up *= loudness
        x = capture(loaded.model, [site], ids).sites[site].x[:, col]
        loudest = x[x.abs().argmax()]
        down[row, col] = output / loudest
        yield ExpertPlant(site, row, col, float(loudest.abs()))
    finally:
        up.copy_(before)
        down[row, col] = old


def _up_row(model, site: Site, col: int) -> torch.Tensor:
    """The weights `(d_in,)` that input channel `col` of an expert is linear in, whatever the layout."""
    module = model.get_submodule(site.module)
    expert = site.expert
    if hasattr(module, "v1"):  # dbrx: all experts in one matrix
        return module.v1.data[expert * site.d_ff + col]
    if hasattr(module, "up_proj"):
        return module.up_proj.data[expert, col]
    if hasattr(module, "gate_up_proj"):
        both = module.gate_up_proj.data[expert]
        both = both if both.shape[0] == 2 * site.d_ff else both.T
    else:  # jetmoe
        both = model.get_submodule(site.module.rsplit(".", 1)[0]).input_linear.weight.data[expert]
    return both[site.d_ff + col] if getattr(module, "is_concatenated", True) else both[2 * col + 1]
