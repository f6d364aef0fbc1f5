"""The forward plan: the same tokens under the baseline and under every variant, sharing what is the same.

For each batch the baseline runs once and its layers' outputs are kept. A variant is the model's own forward with the
layers before its first edit answered from that recording. Whether this is exact for a model is not assumed: for every
first edited layer an edited forward with and without the shortcut is compared once. Where weights lie on disk all go
through the layers together (`engine/layerwise.py`), if that is exact.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch

from swa.engine.measures.reducers import Reducer
from swa.engine.variants.ablation import editing, rows_of
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import BASELINE, ScaleEntries, Variant
from swa.engine.variants.layerwise import Arm, LayerByLayer
from swa.engine.variants.readout import ReadOut
from swa.engine.variants.recording import LayerCall, answered, layers_of, recorded
from swa.engine.variants.selfcheck import Checked, shortcut_is_exact
from swa.errors import OutOfMemoryError, is_out_of_memory
from swa.models.discovery.sites import Site, parameter_of
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress, SilentProgress

R = TypeVar("R")


class Measured(NamedTuple, Generic[R]):
    """What a reducer made of one variant.

    Attributes:
        variant: Which one.
        result: What the reducer gave.
        seen: What the layer reader gave, `None` without one and for variants that it does not want.
    """

    variant: Variant
    result: R
    seen: Any = None


class LayerReader(Protocol):
    """Looks at the layers of a variant beside those of the intact model, while both are in memory."""

    def wants(self, variant: Variant) -> bool:
        """Whether this variant is to be read."""
        ...

    def read(self, variant: Variant, intact: Sequence[LayerCall], calls: Sequence[LayerCall], batch: TokenBatch) -> Any:
        """Read one batch.

        Args:
            variant: The variant.
            intact: All layer calls of the intact model.
            calls: The same calls under the variant.
            batch: The tokens.
        """
        ...

    def join(self, parts: Sequence[Any]) -> Any:
        """Put the results of parts of a batch together."""
        ...


@dataclass
class ForwardPlan:
    """Runs batches under a baseline and variants.

    Attributes:
        loaded: The model.
        variants: What to compare with the baseline.
        progress: Where a fallback is told, once.
        n_layer_calls: Layer executions so far, of baseline and variants: what sharing saves shows here.
        fallbacks: Sentences about what could not be shared.
        known: What another plan for the same model has found out; it saves checks.
        checked: What this plan knows.
    """

    loaded: LoadedModel
    variants: Sequence[Variant]
    progress: Progress = field(default_factory=SilentProgress)
    n_layer_calls: int = 0
    fallbacks: list[str] = field(default_factory=list)
    known: Checked | None = None
    checked: Checked = field(init=False)
    _rows: dict[Site, list[int]] = field(init=False)
    _layers: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        """Find the layers and the rows that offloaded weights need recomputed."""
        self.checked = self.known or Checked(ReadOut(self.loaded))
        self._layers = layers_of(self.loaded.model)
        self._rows = rows_of([edit for variant in self.variants for edit in variant.interventions])

    @property
    def model(self) -> Any:
        """The transformers model."""
        return self.loaded.model

    def editing(self, edits: Sequence[ScaleEntries]) -> AbstractContextManager[None]:
        """ScaleEntries the model; every row that any variant touches is treated alike in all of them."""
        return editing(self.loaded, edits, rows=self._rows)

    def measure(
        self,
        batch: TokenBatch,
        reducer: Reducer[R],
        *,
        baseline: bool = True,
        reader: LayerReader | None = None,
        advance: Callable[[], None] | None = None,
    ) -> list[Measured[R]]:
        """Run one batch: the baseline first, then the variants in their order.

        Out of memory halves the rows and repeats them; the rows' results are joined in order.

        Args:
            batch: The tokens.
            reducer: What is kept of the logits.
            baseline: Whether the intact model is measured. Where it is not, the variant whose first edit is deepest
                records the layers that the others share.
            reader: Looks at the layers of variants; it needs the baseline.
            advance: Called after each run.

        Raises:
            OutOfMemoryError: A single row does not fit.
        """
        try:
            return self._measure(batch, reducer, baseline, reader, advance)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        return self._measure_halves(batch, reducer, baseline, reader)

    def _measure_halves(
        self, batch: TokenBatch, reducer: Reducer[R], baseline: bool, reader: LayerReader | None
    ) -> list[Measured[R]]:
        if len(batch) == 1:
            raise OutOfMemoryError(
                f"Memory does not suffice for one row of {batch.input_ids.shape[1]} tokens.",
                hint="Use shorter windows, a smaller --dtype, or --max-memory.",
            )
        release_memory()
        half = (len(batch) + 1) // 2
        self.progress.warn(f"Out of memory with {len(batch)} rows at once; going on with {half}.")
        parts = [self.measure(part, reducer, baseline=baseline, reader=reader) for part in batch.split(half)]
        return [joined(same, reducer, reader) for same in zip(*parts, strict=True)]

    def _measure(
        self,
        batch: TokenBatch,
        reducer: Reducer[R],
        baseline: bool,
        reader: LayerReader | None,
        advance: Callable[[], None] | None,
    ) -> list[Measured[R]]:
        batch = batch.to(self.loaded.device)
        wanted = [*([BASELINE] if baseline else []), *self.variants]
        recorder = BASELINE if baseline else max(self.variants, key=self._depth, default=BASELINE)
        results: dict[int, Measured[R]] = {}
        with torch.no_grad():
            self.checked.readout.check(batch)
            if self._goes_layerwise(batch):
                return self._measure_layerwise(batch, reducer, baseline, reader, advance)
            with self.editing(recorder.interventions), recorded(self._layers if len(wanted) > 1 else []) as calls:
                results[id(recorder)] = Measured(recorder, reducer.reduce(self.checked.readout.read(batch), batch))
            self._ran(len(calls) or len(self._layers), advance)
            shared_by_all = calls[: self.first_edited_call(recorder, calls)]
            for variant in wanted:
                if variant is recorder:
                    continue
                shared = self._shared_calls(variant, shared_by_all, batch)
                reads = reader is not None and reader.wants(variant)
                with (
                    self.editing(variant.interventions),
                    answered(self._layers, shared),
                    recorded(self._layers if reads else []) as own,
                ):
                    result = reducer.reduce(self.checked.readout.read(batch), batch)
                seen = reader.read(variant, calls, own, batch) if reader is not None and reads else None
                results[id(variant)] = Measured(variant, result, seen)
                self._ran(len(calls) - len(shared), advance)
        return [results[id(variant)] for variant in wanted]

    def _goes_layerwise(self, batch: TokenBatch) -> bool:
        """Whether all variants go through the layers together; checked on the first batch."""
        if not self.loaded.offloaded or not self.variants or None in map(self._holders, self.variants):
            return False
        if self.checked.layerwise is None:
            first = min(self.variants, key=self._depth)
            self.checked.layerwise = self._layers_together().is_exact(self._arms([first], None), batch)
            if not self.checked.layerwise:
                self._note(f"Layers are read from disk for each removal in this {type(self.model).__name__}.")
        return self.checked.layerwise

    def _layers_together(self) -> LayerByLayer:
        return LayerByLayer(self.model, self._layers, self.checked.readout, self.editing)

    def _arms(self, variants: Sequence[Variant], reader: LayerReader | None) -> list[Arm[Any]]:
        """The intact model and variants, ready to start."""
        arms: list[Arm[Any]] = [Arm(BASELINE, set(), keeps=True)]
        for variant in variants:
            wanted = reader is not None and reader.wants(variant)
            arms.append(Arm(variant, self._holders(variant) or set(), keeps=wanted))
        return arms

    def _measure_layerwise(
        self,
        batch: TokenBatch,
        reducer: Reducer[R],
        baseline: bool,
        reader: LayerReader | None,
        advance: Callable[[], None] | None,
    ) -> list[Measured[R]]:
        arms: list[Arm[R]] = self._arms(self.variants, reader)
        self._layers_together().measure(batch, arms, reducer)
        results = []
        for arm in arms if baseline else arms[1:]:
            assert arm.result is not None
            reads = reader is not None and arm is not arms[0] and arm.keeps
            seen = reader.read(arm.variant, arms[0].calls, arm.calls, batch) if reader is not None and reads else None
            results.append(Measured(arm.variant, arm.result, seen))
            self._ran(arm.n_made, advance)
        return results

    def _note(self, sentence: str) -> None:
        self.fallbacks.append(sentence)
        self.progress.warn(sentence)

    def _ran(self, n_layers: int, advance: Callable[[], None] | None) -> None:
        self.n_layer_calls += n_layers
        if advance is not None:
            advance()

    def _depth(self, variant: Variant) -> int:
        """Number of the first layer that an edit lies in."""
        holders = self._holders(variant) or set()
        return next((number for number, layer in enumerate(self._layers) if id(layer) in holders), 0)

    def _shared_calls(self, variant: Variant, calls: list[LayerCall], batch: TokenBatch) -> list[LayerCall]:
        """The recorded calls of the intact model that the variant may be answered with."""
        first = self.first_edited_call(variant, calls)
        if first == 0:
            return []
        if first not in self.checked.exact:
            self.checked.exact[first] = shortcut_is_exact(
                self.loaded, variant, first, batch=batch, layers=self._layers, editing=self.editing
            )
            if not self.checked.exact[first]:
                self._note(
                    f"Layers before {first} cannot be shared in this {type(self.model).__name__}; they run anew."
                )
        return calls[:first] if self.checked.exact[first] else []

    def first_edited_call(self, variant: Variant, calls: Sequence[LayerCall]) -> int:
        """Number of the first layer call that an edit can reach: all calls before it equal the baseline's."""
        holders = self._holders(variant)
        if holders is None:
            return 0
        return next((number for number, call in enumerate(calls) if id(call.layer) in holders), len(calls))

    def _holders(self, variant: Variant) -> set[int] | None:
        """The layers that hold edited weights; `None` where one lies outside of the layers."""
        edited = {id(parameter_of(self.model, edit.site)) for edit in variant.interventions}
        holders = {
            id(layer) for layer in self._layers if any(id(parameter) in edited for parameter in layer.parameters())
        }
        found = {id(p) for layer in self._layers if id(layer) in holders for p in layer.parameters()}
        return holders if edited <= found else None


def joined(parts: Sequence[Measured[R]], reducer: Reducer[R], reader: LayerReader | None) -> Measured[R]:
    """The same variant's results on consecutive rows as one."""
    seen = [part.seen for part in parts if part.seen is not None]
    return Measured(
        parts[0].variant,
        reducer.join([part.result for part in parts]),
        reader.join(seen) if reader is not None and seen else None,
    )


def release_memory() -> None:
    """Give back what dropped tensors held."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
