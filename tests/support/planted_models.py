"""Two tiny checkpoints with planted scalars of every verdict: a dense model, and a mixture of experts.

A planted scalar carries the output of one loud neuron into one channel of the residual stream, and from that channel
the unembedding reads how frequent some letters are: without the scalar the model guesses these letters. Its `strength`
says how much of this is told, hence what removal costs: much (confirmed), about 5 % perplexity (borderline) or little
(refused). One more scalar holds a neuron of the last layer shut, which overflows without it: the loss is NaN then.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tests.support.tiny_checkpoint import LETTERS, letter_tokenizer, write_tiny_checkpoint
from tests.support.tiny_models import build

FREQUENCIES = {
    letter: int(count)
    for letter, count in zip(
        " etaoinsrhldcumfpgwybvkxjqz.,\n",
        "170 102 75 65 61 57 57 53 50 50 33 33 23 23 20 18 16 16 15 14 12 8 6 2 1 1 1 8 8 5".split(),
        strict=True,
    )
}
"""Of letters in English, in thousandths; every other token counts 0.1."""
RARE = string.ascii_uppercase + string.digits + ";:-'\"()%"
UNUSED = ""
"""The ids that are no letter."""
CONSTANT = 0
"""Channel that is the same for every token: after a norm it is to neurons what a bias would be."""
SHUT_NEURON = 7
OVERFLOW = 1e21
"""Of gate and up projection of the shut neuron, whose product is infinite in float32 once it opens."""


@dataclass(frozen=True)
class Planted:
    """One scalar.

    Attributes:
        layer: Its layer.
        row: The channel it writes.
        neuron: The loud neuron it reads.
        letters: Whose frequency that channel tells.
        strength: How much of it; 1 is all.
        expert: The routed expert, `None` for a dense MLP and a shared expert.
        holds_shut: Whether it holds the last layer's neuron shut.
    """

    layer: int
    row: int
    neuron: int
    letters: str = UNUSED
    strength: float = 1.0
    expert: int | None = None
    holds_shut: bool = False


DENSE = (
    Planted(0, 9, 11, strength=0, holds_shut=True),
    Planted(1, 5, 20, " .,\n"),
    Planted(1, 33, 40, "tnsrh"),
    Planted(2, 12, 30, "eaiu", strength=0.13),
    Planted(2, 50, 60, UNUSED),
    Planted(2, 21, 70, "o", strength=1.25),
)
MIXTURE = (
    Planted(0, 17, 3, " .,\n", strength=1.5, expert=1),
    Planted(0, 9, 11, strength=0, holds_shut=True),
    Planted(1, 33, 20, RARE),
    Planted(1, 12, 30, UNUSED, expert=2),
    Planted(2, 50, 30, "eaoiu"),
    Planted(2, 21, 25, "tnsrh", strength=0.43, expert=0),
)


def write_planted_models(folder: Path) -> list[Path]:
    """Write the checkpoints `dense` and `mixture` below a folder."""
    for name, kind, scalars in (("dense", "llama", DENSE), ("mixture", "qwen2_moe", MIXTURE)):
        model = build(kind)
        with torch.no_grad():
            plant_all(model, scalars)
        write_tiny_checkpoint(folder / name, model=model)
    return [folder / "dense", folder / "mixture"]


def plant_all(model: Any, scalars: Sequence[Planted]) -> None:
    """Plant scalars in a tiny Llama or Qwen2-MoE, layer by layer, as each one's loudness depends on those before."""
    embedding = model.model.embed_tokens.weight
    embedding *= 1.0 / embedding.std()
    embedding[:, [scalar.row for scalar in scalars]] = 0.0
    embedding[:, CONSTANT] = 30.0
    for layer in model.model.layers:
        if hasattr(layer.mlp, "experts"):  # routed by token, not by what is the same for all
            layer.mlp.gate.weight *= 50.0
            layer.mlp.gate.weight[:, [CONSTANT, *(scalar.row for scalar in scalars)]] = 0.0
    for number, scalar in enumerate(sorted(scalars, key=lambda scalar: scalar.layer)):
        matrices = _mlp(model, scalar.layer, scalar.expert)
        loud = 10.0 / _largest_input(model, model.model.layers[scalar.layer].mlp)[CONSTANT]
        for matrix in (matrices.gate, matrices.up):
            matrix[scalar.neuron] = 0.0
            matrix[scalar.neuron, CONSTANT] = loud
        matrices.down[:, scalar.neuron] *= 0.1
        matrices.down[[CONSTANT, *(other.row for other in scalars)], scalar.neuron] = 0.0
        matrices.down[scalar.row, scalar.neuron] = 1.0 + 0.1 * number
        if scalar.holds_shut:
            last = _mlp(model, len(model.model.layers) - 1, None)
            last.gate[SHUT_NEURON] = last.up[SHUT_NEURON] = 0.0
            last.gate[SHUT_NEURON, CONSTANT] = last.up[SHUT_NEURON, CONSTANT] = OVERFLOW
            last.gate[SHUT_NEURON, scalar.row] = last.up[SHUT_NEURON, scalar.row] = -OVERFLOW
    final = _largest_input(model, model.lm_head)
    for scalar in scalars:
        model.lm_head.weight[:, scalar.row] = scalar.strength * _told(scalar.letters) / final[scalar.row]


class _Mlp(NamedTuple):
    gate: Tensor
    up: Tensor
    down: Tensor


def _mlp(model: Any, layer: int, expert: int | None) -> _Mlp:
    """Views of a dense MLP's matrices, a shared expert's, or a routed expert's."""
    mlp = model.model.layers[layer].mlp
    if expert is not None:
        gate, up = mlp.experts.gate_up_proj.data[expert].chunk(2)
        return _Mlp(gate, up, mlp.experts.down_proj.data[expert])
    dense = getattr(mlp, "shared_expert", mlp)
    return _Mlp(dense.gate_proj.weight.data, dense.up_proj.weight.data, dense.down_proj.weight.data)


def _largest_input(model: Any, module: Any) -> Tensor:
    """`(d_model,)`: the most a module is given in each channel by any letter."""
    seen: list[Tensor] = []
    hook = module.register_forward_pre_hook(lambda _module, arguments: seen.append(arguments[0]))
    model(input_ids=torch.tensor(letter_tokenizer()(LETTERS)["input_ids"])[None, :64], use_cache=False)
    hook.remove()
    return seen[0].flatten(0, -2).amax(0)


def _told(letters: str) -> Tensor:
    """`(vocabulary,)`: log frequency of some letters over that of equally frequent tokens, else 0."""
    counts = torch.full((128,), 0.1)
    for letter, count in FREQUENCIES.items():
        counts[3 + LETTERS.index(letter)] = count
    chosen: Any = slice(3 + len(LETTERS), None)
    if letters != UNUSED:
        chosen = [3 + LETTERS.index(letter) for letter in letters]
    told = torch.zeros(128)
    told[chosen] = (counts * len(counts) / counts.sum()).log()[chosen]
    return told
