"""The way from the residual stream to the logits: final norm, a linear map, the unembedding.

It is found by execution, not by names. The norm is the last module before the unembedding that acts as one. Then a
forward pass puts random numbers in the place of what the last layer, the norm and the unembedding return, and looks at
what arrives: the layer's own numbers at the norm, a linear function of the norm's at the unembedding, and a function of
the unembedding's as logits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn

from swa.errors import UnsupportedModelError
from swa.models.discovery.dataflow import Flow
from swa.models.discovery.trace import LeafCall, Trace
from swa.models.readout.norms import Norm, measure_norm
from swa.models.readout.patching import Passage, is_affine, matrix_between, ratio, replaced_pass


@dataclass(frozen=True, eq=False)
class Tail:
    """What stands between the residual stream and the logits.

    Attributes:
        norm: The final norm, `None` where there is none.
        linear: Matrix `(d_head, d_model)` between the norm and the unembedding, float64; `None` where nothing is.
        width: Channels of the residual stream.
        reads: The matrix products whose outputs are summed up in that residual stream.
        notes: What else changes the logits and is left out.
    """

    norm: Norm | None
    linear: Tensor | None
    width: int
    reads: Flow
    notes: tuple[str, ...]


class _FinalNorm(NamedTuple):
    leaf: LeafCall
    norm: Norm


def measure_tail(model: Any, trace: Trace, input_ids: Tensor, *, stacks: Iterable[str]) -> Tail:
    """Find and measure the way from the last layer to the logits.

    Args:
        model: A transformers model in eval mode.
        trace: A traced forward pass, with its leaves.
        input_ids: The tokens of the trace.
        stacks: Paths of the lists of layers that hold down projections.

    Raises:
        UnsupportedModelError: There are several residual streams, or more than a norm and a linear map.
    """
    head = model.get_output_embeddings()
    head_at = _last_call_of(model, trace, head)
    layer = _last_layer(model, trace, n_calls=trace.leaves[head_at].n_calls, stacks=tuple(stacks))
    final = _last_norm(model, trace.leaves[:head_at])
    if final is not None:
        module, outside = model.get_submodule(final.leaf.path), final.leaf.call < 0
        passage = replaced_pass(model, input_ids, [layer, module, head] if outside else [module, head])
        if _is_linear(passage, module, head):
            if outside and ratio(passage.given[layer], passage.taken[module]) is None:
                raise undefined(_why(passage.given[layer], passage.taken[module]))
            linear = _linear_map(model, input_ids, passage, [module, head])
            return Tail(final.norm, linear, final.leaf.width, final.leaf.flow, tuple(_notes(passage, module, head)))
    passage = replaced_pass(model, input_ids, [layer, head])
    if not _is_linear(passage, layer, head):
        raise undefined(_why(passage.given[layer], passage.taken[head]))
    linear = _linear_map(model, input_ids, passage, [layer, head])
    reads = trace.leaves[head_at].flow
    if linear is not None:  # the stream flows into the map's own product
        reads = {number: marks for event in reads for number, marks in trace.events[event].flow.items()}
    width = passage.given[layer].shape[-1]
    return Tail(None, linear, width, reads, tuple(_notes(passage, layer, head)))


def undefined(reason: str) -> UnsupportedModelError:
    """The error of a model for which vocabulary effects have no meaning."""
    return UnsupportedModelError(
        f"Vocabulary effects are not defined here: {reason}.",
        hint="They need one residual stream, and after it at most a norm and a linear map before the unembedding.",
    )


def _why(given: Tensor, taken: Tensor) -> str:
    if given.numel() != taken.numel():
        return "the layers hand on several residual streams, or a wider one than is read out"
    return "more than a norm and a linear map lies between the last layer and the unembedding"


def _last_call_of(model: nn.Module, trace: Trace, head: nn.Module) -> int:
    """Index of the unembedding's last call among the leaves of a trace."""
    calls = [index for index, leaf in enumerate(trace.leaves) if model.get_submodule(leaf.path) is head]
    if not calls:
        raise undefined("the unembedding does not run as a module of its own")
    return calls[-1]


def _last_layer(model: nn.Module, trace: Trace, *, n_calls: int, stacks: tuple[str, ...]) -> nn.Module:
    paths = [call.path for call in trace.calls[:n_calls] if call.path.rpartition(".")[0] in stacks]
    if not paths:
        raise undefined("the unembedding does not run behind the layers")
    return model.get_submodule(paths[-1])


def _last_norm(model: nn.Module, leaves: Sequence[LeafCall]) -> _FinalNorm | None:
    for leaf in reversed(leaves):
        norm = measure_norm(leaf.path, model.get_submodule(leaf.path), leaf.width) if leaf.width > 1 else None
        if norm is not None:
            return _FinalNorm(leaf, norm)
    return None


def _is_linear(passage: Passage, source: nn.Module, head: nn.Module) -> bool:
    given, taken = passage.given[source], passage.taken[head]
    return ratio(given, taken) is not None or is_affine(given, taken)


def _linear_map(model: Any, input_ids: Tensor, passage: Passage, ends: list[nn.Module]) -> Tensor | None:
    source, head = ends
    if ratio(passage.given[source], passage.taken[head]) is not None:
        return None
    return matrix_between(model, input_ids, source, head)


def _notes(passage: Passage, source: nn.Module, head: nn.Module) -> Iterator[str]:
    before = ratio(passage.given[source], passage.taken[head])
    if before not in (None, 1.0):
        yield f"A factor of {before:.6g} before the unembedding is left out."
    bias = getattr(head, "bias", None)
    if bias is not None and (bias.device.type == "meta" or bool(bias.any())):
        yield "The bias of the unembedding is left out."
    logits = passage.logits
    made = passage.given[head][..., : logits.shape[-1]]  # some models cut padded logits off
    after = ratio(made, logits)
    if after is None:
        yield "A softcap or another function of the logits is left out."
    elif after != 1.0:
        yield f"The scale {after:.6g} of the logits is left out."
