"""Logits where they are read, and only there, by the model's own head.

The model's base (everything before the unembedding) runs once. The hidden states of the positions to read are put in
the place of its output, some at a time, so that unembedding, scale and softcap are the model's own and no more logits
are held than a chunk of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from swa.engine.measures.reducers import LogitsChunk
from swa.engine.packing.segments import attending
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.recording import LayerCall, answered, hidden_of, with_hidden
from swa.models.loading.loaded import LoadedModel
from swa.models.readout.early_exit import output_of

CHUNK_ON_CPU, CHUNK_ELSEWHERE = 2**23, 2**27
"""Logits held at once, in numbers. On a CPU 32 MiB give a fast product, and the allocator uses them again."""
_N_CHECKED = 48
"""Tokens of the check."""


class ReadOut:
    """Reads the logits of a model chunk by chunk.

    Attributes:
        separable: Whether the head can be run on chosen positions; decided on the first batch. Otherwise all logits of
            a batch are computed at once and the chosen ones are taken from them.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._model = loaded.model
        self._base: nn.Module = loaded.model.base_model
        self._vocabulary = loaded.model.get_output_embeddings().weight.shape[0]
        self._chunk = CHUNK_ON_CPU if loaded.device.type == "cpu" else CHUNK_ELSEWHERE
        self.separable: bool | None = None

    def check(self, batch: TokenBatch) -> None:
        """Decide, once, whether the head can be separated; run it on the intact model."""
        if self.separable is None:
            self.separable = self._base is not self._model and self._is_exact(batch.input_ids[:1, :_N_CHECKED])

    def read(self, batch: TokenBatch) -> Iterator[LogitsChunk]:
        """The logits of the batch's reads, in their order; the layers run once, before the first chunk."""
        yield from self.logits(self.states(batch), batch)

    def states(self, batch: TokenBatch) -> Any:
        """What the head is made of: the base's output, or all logits where the head cannot be separated."""
        with attending(batch.segments):
            return self._states(batch)

    def _states(self, batch: TokenBatch) -> Any:
        if not self.separable:
            return self._model(**batch.model_inputs, use_cache=False).logits
        return output_of(self._base, self._model, **batch.model_inputs)

    def logits(self, states: Any, batch: TokenBatch) -> Iterator[LogitsChunk]:
        """The logits of the batch's reads, made from `states`; at most a chunk of them exists at once."""
        n_at_once = max(1, self._chunk // self._vocabulary)
        for start in range(0, len(batch.rows), n_at_once):
            some = slice(start, start + n_at_once)
            if not self.separable:
                yield LogitsChunk(start, states[batch.rows[some], batch.positions[some]])
                continue
            output = _at(states, batch.rows[some], batch.positions[some])
            with answered([self._base], [LayerCall(self._base, output)]):
                logits = self._model(input_ids=batch.targets[None, some], use_cache=False).logits
            yield LogitsChunk(start, logits[0])

    def _is_exact(self, ids: Tensor) -> bool:
        """Whether the head gives the same logits for positions in another order, alone."""
        hidden: list[Any] = []
        hook = self._base.register_forward_hook(lambda _base, _args, output: hidden.append(output))
        try:
            whole = self._model(input_ids=ids, use_cache=False).logits.float()
        finally:
            hook.remove()
        if len(hidden) != 1 or hidden_of(hidden[0]).shape[:-1] != ids.shape:
            return False
        positions = torch.arange(ids.shape[1] - 1, -1, -2, device=ids.device)
        output = _at(hidden[0], torch.zeros_like(positions), positions)
        with answered([self._base], [LayerCall(self._base, output)]):
            part = self._model(input_ids=ids[:, : len(positions)], use_cache=False).logits.float()
        if part.shape != (1, len(positions), whole.shape[-1]):
            return False
        # another number of rows may take another kernel, so the last bits may differ
        return bool((whole[0, positions] - part[0]).abs().amax() <= 1e-5 * whole.abs().amax())


def _at(output: Any, rows: Tensor, positions: Tensor) -> Any:
    """A base's output with the hidden states of the given places alone, as one row `(1, n, d_model)`."""
    return with_hidden(output, hidden_of(output)[rows, positions][None])
