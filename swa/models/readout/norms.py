"""What a norm does, measured instead of named (docs/methods.md#norms).

Thirteen types scale by 1 + weight instead of weight, one of them in a LayerNorm; three have no weight at all. So a
norm is asked what it does to vectors of +1 and −1, and has to do the same to a random one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from swa.models.discovery.layers import layer_lists
from swa.models.loading.weights import resident

_SIZE = 1024.0
"""The probes are this large, so that the ε under a norm's root is lost beside their squares."""
_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Norm:
    """`x → γ · c(x) / rms(c(x)) + bias`, where `c` subtracts the mean over channels or does nothing.

    Attributes:
        path: Path of the module.
        gamma: γ, `(d_model,)`, float64.
        centres: Whether it subtracts the mean (LayerNorm) or not (RMSNorm).
    """

    path: str
    gamma: Tensor
    centres: bool

    def fold(self, vectors: Tensor) -> Tensor:
        """What becomes of directions `(d_model, n)`, but for the common scale and the projection of the root."""
        gamma = self.gamma.to(vectors)
        return gamma[:, None] * (vectors - vectors.mean(dim=0) if self.centres else vectors)


def measure_norm(path: str, module: nn.Module, width: int) -> Norm | None:
    """Measure a module that maps a tensor `(…, width)` to one of the same shape; `None` where it is no norm.

    With v = (+1, −1, +1, …): γ = v·(f(v) − f(−v))/2, and f subtracts the mean iff f(v + 3) = f(v). The result must
    predict f of a random vector to 1e-3. All of it in float64, on a copy of the weights.
    """
    function = _in_float64(module)
    signs = torch.ones(width, dtype=torch.float64)
    signs[1::2] = -1.0
    plus, minus, shifted = (function(_SIZE * v) for v in (signs, -signs, signs + 3.0))
    gamma, bias = signs * (plus - minus) / 2, (plus + minus) / 2
    if not bool(torch.isfinite(plus).all()) or not bool(gamma.any()):
        return None
    norm = Norm(path, gamma, centres=bool((shifted - plus).abs().amax() <= _TOLERANCE * gamma.abs().amax()))
    # far from the probes' size, so that a module that only hands on or scales its input is not taken for a norm
    x = 3.0 * torch.randn(width, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1.0
    centred = x - x.mean() if norm.centres else x
    expected = gamma * centred / centred.square().mean().sqrt() + bias
    wrong = (function(x) - expected).abs().amax()
    return norm if bool(wrong <= _TOLERANCE * expected.abs().amax()) else None


def kind_of_norm(model: nn.Module, width: int) -> Literal["LayerNorm", "RMSNorm"] | None:
    """What the model's last norm over the residual stream does, outside of the layers where there is one.

    Args:
        model: The model.
        width: `d_model`; `None` is returned where no norm has it.
    """
    inside = {id(part) for layers in layer_lists(model).values() for layer in layers for part in layer.modules()}
    norms = [
        (path, module)
        for path, module in model.named_modules()
        if looks_like_norm(path, module)
        and all(tensor.shape == (width,) for tensor in (*module.parameters(), *module.buffers()))
    ]
    for path, module in reversed([norm for norm in norms if id(norm[1]) not in inside] or norms):
        norm = measure_norm(path, module, width)
        if norm is not None:
            return "LayerNorm" if norm.centres else "RMSNorm"
    return None


def looks_like_norm(path: str, module: nn.Module) -> bool:
    """Whether a module without parts is called a norm, by its class or by its place."""
    named = f"{type(module).__name__} {path.rsplit('.', 1)[-1]}".lower()
    return not any(True for _ in module.children()) and ("norm" in named or named.endswith("ln_f"))


def _in_float64(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """The module's function of one vector, computed in float64 on the CPU; hooks and offloading stay outside."""
    with resident(module):
        twin = copy.copy(module)
        for kind in ("_parameters", "_buffers"):
            twin.__dict__[kind] = {name: _exact(tensor) for name, tensor in module.__dict__[kind].items()}
    forward = type(module).forward

    def function(vector: Tensor) -> Tensor:
        with torch.no_grad():
            result: Tensor = forward(twin, vector[None, None])
        return result[0, 0]

    return function


def _exact(tensor: Tensor | None) -> Tensor | None:
    if tensor is None:
        return None
    return tensor.detach().to("cpu", torch.float64 if tensor.is_floating_point() else None)
