"""The forward plan: the same tokens under the baseline and under every variant, sharing what is the same.

For each batch the baseline runs once and its layers' outputs are kept. A variant is the model's own forward with the
layers before its first edit answered from that recording. Whether this is exact for a model is not assumed: for every
first edited layer an edited forward with and without the shortcut is compared once.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from swa.engine.ablation import editing, rows_of
from swa.engine.batch import TokenBatch
from swa.engine.edits import BASELINE, Edit, Variant
from swa.engine.recording import LayerCall, answered, layers_of, recorded
from swa.engine.reducers import LogitsChunk, Reducer
from swa.engine.selfcheck import chunks_are_exact, shortcut_is_exact
from swa.errors import OutOfMemoryError
from swa.models.loaded import LoadedModel
from swa.models.sites import Site, parameter_of
from swa.progress import Progress, SilentProgress

R = TypeVar("R")

MAX_LOGITS = 2**27
"""Logits held at once, in numbers; longer batches are read out in chunks of positions."""


class Measured(NamedTuple, Generic[R]):
    """What a reducer made of one variant."""

    variant: Variant
    result: R


@dataclass
class ForwardPlan:
    """Runs batches under a baseline and variants.

    Attributes:
        loaded: The model.
        variants: What to compare with the baseline.
        progress: Where a fallback is told, once.
        n_layer_calls: Layer executions so far, of baseline and variants: what sharing saves shows here.
        fallbacks: Sentences about what could not be shared.
    """

    loaded: LoadedModel
    variants: Sequence[Variant]
    progress: Progress = field(default_factory=SilentProgress)
    n_layer_calls: int = 0
    fallbacks: list[str] = field(default_factory=list)
    _rows: dict[Site, list[int]] = field(init=False)
    _layers: list[Any] = field(init=False)
    _exact: dict[int, bool] = field(default_factory=dict)
    _chunks_exact: bool | None = None

    def __post_init__(self) -> None:
        """Find the layers and the rows that offloaded weights need recomputed."""
        self._layers = layers_of(self.loaded.model)
        self._rows = rows_of([edit for variant in self.variants for edit in variant.edits])

    @property
    def model(self) -> Any:
        """The transformers model."""
        return self.loaded.model

    def editing(self, edits: Sequence[Edit]) -> AbstractContextManager[None]:
        """Edit the model; every row that any variant touches is treated alike in all of them."""
        return editing(self.loaded, edits, rows=self._rows)

    def measure(
        self, batch: TokenBatch, reducer: Reducer[R], *, advance: Callable[[], None] | None = None
    ) -> list[Measured[R]]:
        """Run one batch: the baseline first, then the variants in their order; `advance` is called after each.

        Out of memory halves the rows and repeats them; the rows' results are joined in order.

        Raises:
            OutOfMemoryError: A single row does not fit.
        """
        try:
            return self._measure(batch, reducer, advance)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        return self._measure_halves(batch, reducer)

    def _measure_halves(self, batch: TokenBatch, reducer: Reducer[R]) -> list[Measured[R]]:
        if len(batch) == 1:
            raise OutOfMemoryError(
                f"Memory does not suffice for one row of {batch.input_ids.shape[1]} tokens.",
                hint="Use shorter windows, a smaller --dtype, or --max-memory.",
            )
        release_memory()
        half = (len(batch) + 1) // 2
        self.progress.warn(f"Out of memory with {len(batch)} rows at once; going on with {half}.")
        parts = [self.measure(part, reducer) for part in batch.split(half)]
        return [
            Measured(same[0].variant, reducer.join([measured.result for measured in same]))
            for same in zip(*parts, strict=True)
        ]

    def _measure(self, batch: TokenBatch, reducer: Reducer[R], advance: Callable[[], None] | None) -> list[Measured[R]]:
        batch = TokenBatch(batch.input_ids.to(self.loaded.device), batch.scored.to(self.loaded.device))
        chunked = self._n_positions_at_once(batch.input_ids) < batch.input_ids.shape[1]
        calls: list[LayerCall] = []
        with torch.no_grad():
            with self.editing(()):
                logits = self._logits(batch.input_ids, chunked=chunked, keep=calls)
                results = [Measured(BASELINE, reducer.reduce(logits, batch))]
            self.n_layer_calls += len(calls)
            if advance is not None:
                advance()
            for variant in self.variants:
                shared = self._shared_calls(variant, calls, batch)
                with self.editing(variant.edits), answered(self._layers, shared):
                    logits = self._logits(batch.input_ids, chunked=chunked)
                    results.append(Measured(variant, reducer.reduce(logits, batch)))
                self.n_layer_calls += len(calls) - len(shared)
                if advance is not None:
                    advance()
        return results

    def _n_positions_at_once(self, input_ids: Tensor) -> int:
        n_rows, n_positions = input_ids.shape
        step = max(1, MAX_LOGITS // (n_rows * self.model.get_output_embeddings().weight.shape[0]))
        return step if step < n_positions and self._can_read_in_chunks(input_ids) else n_positions

    def _logits(
        self, input_ids: Tensor, *, chunked: bool, keep: list[LayerCall] | None = None
    ) -> Iterator[LogitsChunk]:
        """Logits of all positions; where they are many, a few positions at a time.

        The first chunk runs the layers. For each further one all layer calls are answered, so that only the model's
        own final norm, unembedding, scale and softcap run again, for those positions.

        Args:
            input_ids: `(batch, seq)`.
            chunked: Whether to read out a few positions at a time.
            keep: Where the layers' outputs go.
        """
        step = self._n_positions_at_once(input_ids)
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        only = {"logits_to_keep": positions[:step]} if chunked else {}
        with recorded(self._layers if chunked or keep is not None else []) as calls:
            output = self.model(input_ids=input_ids, use_cache=False, **only)
        if keep is not None:
            keep += calls
        yield LogitsChunk(0, output.logits)
        for start in range(step, len(positions) if chunked else 0, step):
            with answered(self._layers, calls):
                output = self.model(
                    input_ids=input_ids, use_cache=False, logits_to_keep=positions[start : start + step]
                )
            yield LogitsChunk(start, output.logits)

    def _can_read_in_chunks(self, input_ids: Tensor) -> bool:
        if self._chunks_exact is None:
            self._chunks_exact = chunks_are_exact(self.loaded, input_ids, layers=self._layers)
        return self._chunks_exact

    def _shared_calls(self, variant: Variant, calls: list[LayerCall], batch: TokenBatch) -> list[LayerCall]:
        """The baseline's calls that the variant may be answered with."""
        first = self.first_edited_call(variant, calls)
        if first == 0:
            return []
        if first not in self._exact:
            self._exact[first] = shortcut_is_exact(
                self.loaded, variant, first, batch=batch, layers=self._layers, editing=self.editing
            )
            if not self._exact[first]:
                sentence = f"Layers before {first} cannot be shared in this {type(self.model).__name__}; they run anew."
                self.fallbacks.append(sentence)
                self.progress.warn(sentence)
        return calls[:first] if self._exact[first] else []

    def first_edited_call(self, variant: Variant, calls: Sequence[LayerCall]) -> int:
        """Number of the first layer call that an edit can reach: all calls before it equal the baseline's."""
        edited = {id(parameter_of(self.model, edit.site)) for edit in variant.edits}
        holders = {
            id(layer) for layer in self._layers if any(id(parameter) in edited for parameter in layer.parameters())
        }
        found = {id(p) for layer in self._layers if id(layer) in holders for p in layer.parameters()}
        if not edited <= found:
            return 0  # a weight outside of the layers
        return next((number for number, call in enumerate(calls) if id(call.layer) in holders), len(calls))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch says that memory ran out (on the CPU it is a plain RuntimeError)."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def release_memory() -> None:
    """Give back what dropped tensors held."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
