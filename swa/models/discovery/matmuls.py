"""Matrix products of a forward pass, seen below autograd, whatever module, function or loop asks for them.

A down projection may be an `nn.Linear`, GPT-2's transposed `Conv1D`, a slice of a fused 3-D parameter, an einsum. In
the end each of them is one of a few aten operations with the weight as an operand; the operand's strides and offset
say how the matrix lies in its parameter.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

aten = torch.ops.aten

# positions of (left operand, right operand, bias) among the arguments
_OPERANDS: dict[Any, tuple[int, int, int | None]] = {
    aten.mm.default: (0, 1, None),
    aten.addmm.default: (1, 2, 0),
    aten.bmm.default: (0, 1, None),
    aten.baddbmm.default: (1, 2, 0),
    aten.mv.default: (0, 1, None),
    aten.addmv.default: (1, 2, 0),
    aten._grouped_mm.default: (0, 1, None),
}


class Product(NamedTuple):
    """One matrix product, turned so that the weight stands on the right: `y = x @ weight (+ bias)`.

    Attributes:
        x: Input, `(..., n_rows, d_in)`.
        weight: The weight as it was used, `(..., d_in, d_out)`; a view of its parameter.
        bias: What the operation adds, or `None`.
        transposed: Whether the operation returns the transpose of `y`.
        grouped: Whether the rows are split among stacked weights by offsets (`_grouped_mm`).
    """

    x: Tensor
    weight: Tensor
    bias: Tensor | None
    transposed: bool
    grouped: bool


def is_product(func: Any) -> bool:
    """Whether an aten operation is a matrix product."""
    return func in _OPERANDS or func is aten.linear.default


def storage_of(tensor: Tensor) -> int:
    """Address of the memory behind a tensor; views share it."""
    return tensor.untyped_storage().data_ptr()


def read_product(func: Any, args: tuple[Any, ...], *, right: bool) -> Product:
    """Turn an operation's arguments into a `Product` whose weight is the right (or left) operand."""
    if func is aten.linear.default:
        bias = args[2] if len(args) > 2 else None
        if right:
            return Product(args[0], args[1].transpose(-1, -2), bias, transposed=False, grouped=False)
        return Product(args[1], args[0].transpose(-1, -2), None, transposed=True, grouped=False)
    i_left, i_right, i_bias = _OPERANDS[func]
    left_operand, right_operand = args[i_left], args[i_right]
    if right_operand.dim() == 1:  # a vector counts as a matrix with one column
        right_operand = right_operand[:, None]
    bias = None if i_bias is None else args[i_bias]
    if right:
        return Product(left_operand, right_operand, bias, transposed=False, grouped=func is aten._grouped_mm.default)
    return Product(
        right_operand.transpose(-1, -2), left_operand.transpose(-1, -2), None, transposed=True, grouped=False
    )


def operands(func: Any, args: tuple[Any, ...]) -> tuple[Tensor, Tensor]:
    """The left and the right operand of a matrix product."""
    if func is aten.linear.default:
        return args[0], args[1]
    i_left, i_right, _ = _OPERANDS[func]
    return args[i_left], args[i_right]
