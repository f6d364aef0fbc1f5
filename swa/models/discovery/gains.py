"""What the constants of a model multiply a signal with on its way: one number, or one a channel."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import torch
from torch import Tensor

Gain: TypeAlias = float | Tensor
"""A number, or `(n_channels,)` in float64 on the CPU; NaN where it cannot be told."""
UNKNOWN = math.nan


def constant_gain(base: str, args: tuple[Any, ...]) -> Gain:
    """What `mul` or `div` does to the one operand that a signal flows through: the other one is a constant."""
    numbers = [float(arg) for arg in args[:2] if isinstance(arg, int | float)]
    tensors = [arg for arg in args[:2] if isinstance(arg, Tensor)]
    if numbers:
        constant: Gain = numbers[0]
    else:  # of two tensors the smaller one is the constant
        small, large = sorted(tensors, key=Tensor.numel)
        constant = _of_tensor(small, large.shape[-1] if large.dim() else 1)
    return constant if base == "mul" else 1.0 / constant if _divides(constant) else UNKNOWN


def times(first: Gain, second: Gain) -> Gain:
    """One gain after the other."""
    if isinstance(first, float) and first == 1.0:
        return second
    if isinstance(second, float) and second == 1.0:
        return first
    return first * second if _fit(first, second) else UNKNOWN


def plus(first: Gain, second: Gain) -> Gain:
    """The gain of a sum of two ways."""
    return first + second if _fit(first, second) else UNKNOWN


def equal(first: Gain, second: Gain) -> bool:
    """Whether two gains are the same."""
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return first is second or torch.equal(first, second)
    return not isinstance(first, Tensor) and not isinstance(second, Tensor) and first == second


def since(earlier: Gain, later: Gain) -> Gain:
    """The gain between two places of a way, as one number where it is the same in all channels.

    Channels that are silent at the first place (a norm's γ is 0) stay as they are.
    """
    if equal(earlier, later):
        return 1.0
    if not isinstance(earlier, Tensor) and not isinstance(later, Tensor):
        return later / earlier if earlier else UNKNOWN
    if not _fit(earlier, later):
        return UNKNOWN
    width = len(earlier) if isinstance(earlier, Tensor) else len(later) if isinstance(later, Tensor) else 1
    first, last = (torch.as_tensor(gain, dtype=torch.float64).expand(width) for gain in (earlier, later))
    silent = first == 0
    gain = torch.where(silent, 1.0, last / torch.where(silent, 1.0, first))
    if is_unknown(gain):
        return UNKNOWN
    number = float(gain[0])
    return number if bool((gain - number).abs().amax() <= 1e-9 * abs(number)) else gain


def is_unknown(gain: Gain) -> bool:
    """Whether the gain of any channel cannot be told."""
    return bool(torch.isnan(gain).any()) if isinstance(gain, Tensor) else math.isnan(gain)


def _fit(first: Gain, second: Gain) -> bool:
    """Whether both are of the same channels; behind a change of shape they are not."""
    return not isinstance(first, Tensor) or not isinstance(second, Tensor) or len(first) == len(second)


def _of_tensor(constant: Tensor, width: int) -> Gain:
    if constant.device.type == "meta":
        return UNKNOWN
    if constant.numel() == 1:
        return float(constant)
    if constant.numel() == width == constant.shape[-1]:
        return constant.detach().to("cpu", torch.float64).flatten()
    return 1.0 if bool((constant == 1).all()) else UNKNOWN  # a mask that lets everything pass


def _divides(gain: Gain) -> bool:
    return bool(gain.all()) if isinstance(gain, Tensor) else gain != 0
