"""The matrix of the module that makes the logits: its own weight, or what it does to unit vectors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from swa.models.loading.weights import resident
from swa.models.readout.final_norm import undefined

_N_CHECKED = 256
"""Rows of the weight that are compared with the module's output."""


def head_matrix(head: Any, device: torch.device, *, copied: bool) -> Tensor:
    """`W_U`, `(n_logits, d_head)`, in the model's own type.

    It is the module's weight where the module multiplies by it; else (a learned scale of each token's logit, a weight
    that lies the other way) it is measured, which takes a copy.

    Args:
        head: The module that makes the logits.
        device: Where its inputs go.
        copied: Whether a weight that is read from disk must be kept.

    Raises:
        UnsupportedModelError: The module is not linear.
    """
    with resident(head):
        weight: Tensor = head.weight.detach()
        if copied:
            weight = weight.clone()
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn((2, weight.shape[1]), generator=generator).to(device, weight.dtype)
    with torch.no_grad():
        at_zero, at_a, at_b, at_both = head(torch.stack([0 * a, a, b, a + b])[None])[0].float()
    if at_a.shape[-1] == len(weight):
        some = torch.arange(0, len(weight), max(1, len(weight) // _N_CHECKED), device=weight.device)
        expected = weight[some].float() @ a.float().to(weight.device)
        if _close(expected, (at_a - at_zero)[some.to(at_a.device)].to(weight.device), weight.dtype):
            return weight
    if not _close(at_both + at_zero, at_a + at_b, weight.dtype):
        raise undefined("the unembedding is not linear")
    with torch.no_grad():
        units = torch.eye(weight.shape[1], device=device, dtype=weight.dtype)
        rows: Tensor = head(units[None])[0]
        rows -= at_zero.to(rows)
    return rows.T


def _close(one: Tensor, other: Tensor, dtype: torch.dtype) -> bool:
    tolerance = 1e-4 if dtype in (torch.float32, torch.float64) else 3e-2
    return bool((one - other).abs().amax() <= tolerance * one.abs().amax())
