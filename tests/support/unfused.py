"""Experts as older code and remote code has them: a list of modules, called in a loop inside the MoE layer."""

from __future__ import annotations

import copy
import dataclasses

import torch
from torch import nn

from swa.models.discovery.discovery import discover_sites
from swa.models.loading.loaded import LoadedModel


class _Expert(nn.Module):
    def __init__(self, gate_up: torch.Tensor, down: torch.Tensor, act) -> None:
        super().__init__()
        self.gate_up = nn.Linear(gate_up.shape[1], gate_up.shape[0], bias=False)
        self.w2 = nn.Linear(down.shape[1], down.shape[0], bias=False)
        self.gate_up.weight.data, self.w2.weight.data = gate_up, down
        self.act = act

    def forward(self, x):
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.w2(self.act(gate) * up)


class _Loop(nn.Module):
    def __init__(self, block) -> None:
        super().__init__()
        self.gate = block.gate
        fused = block.experts
        pairs = zip(fused.gate_up_proj.data, fused.down_proj.data, strict=True)
        self.experts = nn.ModuleList([_Expert(up.clone(), down.clone(), fused.act_fn) for up, down in pairs])

    def forward(self, hidden):
        flat = hidden.view(-1, hidden.shape[-1])
        _, weights, index = self.gate(flat)
        out = torch.zeros_like(flat)
        for number, expert in enumerate(self.experts):
            token, place = torch.where(index == number)
            out.index_add_(0, token, expert(flat[token]) * weights[token, place, None])
        return out.view_as(hidden)


def unfused(loaded: LoadedModel) -> LoadedModel:
    """A copy of a Mixtral whose experts are modules in a list."""
    model = copy.deepcopy(loaded.model)
    for layer in model.model.layers:
        layer.mlp = _Loop(layer.mlp)
    model.requires_grad_(False)
    return dataclasses.replace(loaded, model=model, sites=discover_sites(model))
