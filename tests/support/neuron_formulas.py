"""The effects of a neuron written out by hand for some families, with the names of their parameters."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Formula(NamedTuple):
    """Where a family keeps what the formula needs.

    Attributes:
        norm: Path of the final norm's weight.
        down: Path of a down projection's weight in layer 1; with `expert` the first expert's.
        plus_one: Whether norms scale by 1 + weight.
        centres: Whether the final norm subtracts the mean.
        post: Path of the weight of the norm behind the MLP.
        in_out: Whether the weight lies (in, out).
        expert: Whether the weight holds all experts.
        linear: Path of a map between norm and unembedding.
    """

    norm: str
    down: str
    plus_one: bool = False
    centres: bool = False
    post: str | None = None
    in_out: bool = False
    expert: bool = False
    linear: str | None = None


_DOWN = "model.layers.1.mlp.down_proj.weight"
_EXPERTS = "model.layers.1.mlp.experts.down_proj"
_POST = "model.layers.1.post_feedforward_layernorm.weight"
_NORM = "model.norm.weight"

FORMULAS = {
    "llama": Formula(_NORM, _DOWN),
    "gemma": Formula(_NORM, _DOWN, plus_one=True),
    "gemma2": Formula(_NORM, _DOWN, plus_one=True, post=_POST),
    "gemma3_text": Formula(_NORM, _DOWN, plus_one=True, post=_POST),
    "olmo2": Formula(_NORM, _DOWN, post=_POST),
    "cohere": Formula(_NORM, _DOWN, centres=True),
    "nemotron": Formula(_NORM, _DOWN, plus_one=True, centres=True),
    "qwen3_next": Formula(_NORM, _EXPERTS, plus_one=True, expert=True),
    "mixtral": Formula(_NORM, _EXPERTS, expert=True),
    "gpt_oss": Formula(_NORM, _EXPERTS, expert=True, in_out=True),
    "phi": Formula("model.final_layernorm.weight", "model.layers.1.mlp.fc2.weight", centres=True),
    "gpt2": Formula("transformer.ln_f.weight", "transformer.h.1.mlp.c_proj.weight", centres=True, in_out=True),
    "gpt_neox": Formula("gpt_neox.final_layer_norm.weight", "gpt_neox.layers.1.mlp.dense_4h_to_h.weight", centres=True),
    "bloom": Formula("transformer.ln_f.weight", "transformer.h.1.mlp.dense_4h_to_h.weight", centres=True),
    "opt": Formula("model.decoder.final_layer_norm.weight", "model.decoder.layers.1.fc2.weight", centres=True),
    "opt@post_norm": Formula(
        "model.decoder.layers.3.final_layer_norm.weight",
        "model.decoder.layers.1.fc2.weight",
        centres=True,
        linear="model.decoder.project_out.weight",
    ),
}


class Written(NamedTuple):
    """What a neuron writes: `(n_tokens,)` each, float64."""

    effects: torch.Tensor
    cosines: torch.Tensor


def written_by(model, formula: Formula, col: int, *, ids: list[int], n_known: int) -> Written:
    """Effects and cosines of a neuron of layer 1, in float64 from the model's own weights."""

    def weight(path: str) -> torch.Tensor:
        return model.get_parameter(path).double()

    def scale(path: str) -> torch.Tensor:
        return weight(path) + (1.0 if formula.plus_one else 0.0)

    unembedding = model.get_output_embeddings().weight.double()
    if formula.linear:
        unembedding = unembedding @ weight(formula.linear)
    unembedding = unembedding * scale(formula.norm)
    unembedding = unembedding - unembedding[:n_known].mean(dim=0)
    down = weight(formula.down)[0] if formula.expert else weight(formula.down)
    w = down[col] if formula.in_out else down[:, col]
    if formula.post:
        w = w * scale(formula.post)
    if formula.centres:
        w = w - w.mean()
    effects = unembedding[ids] @ w
    return Written(effects, effects / unembedding[ids].norm(dim=1) / w.norm())
