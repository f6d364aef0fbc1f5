"""The forward plan: the same tokens under the baseline and under every variant, sharing what is the same.

For each batch the baseline runs once and its layers' outputs are kept. A variant is the model's own forward with the
layers before its first intervention answered from that recording. Whether this is exact for a model is not assumed:
for every first layer a changed forward with and without the shortcut is compared once. Where weights lie on disk all
go through the layers together (`engine/layerwise.py`), if that is exact.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, TypeVar

import torch

from swa.engine.measures.reducers import Reducer
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import BASELINE, Intervention, Reach, Variant, applied, needed_under, repeated
from swa.engine.variants.layerwise import Arm, LayerByLayer
from swa.engine.variants.reader import LayerReader
from swa.engine.variants.readout import ReadOut
from swa.engine.variants.recording import LayerCall, answered, layers_of, recorded
from swa.engine.variants.selfcheck import Checked, shortcut_is_exact
from swa.errors import OutOfMemoryError, is_out_of_memory
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


class _Intact(NamedTuple):
    """The intact model on one batch, kept for the next variants on it.

    Attributes:
        batch: The batch as it was given: another object is another batch.
        reducer: What was kept of the logits.
        measured: What that is.
        calls: All layer calls.
        under: What acts in the variants as it did here.
    """

    batch: TokenBatch
    reducer: Reducer[Any]
    measured: Measured[Any]
    calls: list[LayerCall]
    under: tuple[Intervention, ...]


@dataclass
class ForwardPlan:
    """Runs batches under a baseline and variants.

    Attributes:
        loaded: The model.
        variants: What to compare with the baseline; all have the same `under`, which the baseline gets too.
        progress: Where a fallback is told, once.
        n_layer_calls: Layer executions so far, of baseline and variants: what sharing saves shows here.
        fallbacks: Sentences about what could not be shared since this was cleared, also where another plan found out.
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
    _kept: _Intact | None = field(init=False, default=None)
    _baseline: Variant = field(init=False)
    _under: tuple[Intervention, ...] = field(init=False)
    _reach: dict[Variant, Reach] = field(init=False)
    _layers: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        """Find the layers, what acts in all arms, and where the variants act."""
        self.checked = self.known or Checked(ReadOut(self.loaded))
        self._layers = layers_of(self.loaded.model)
        self._baseline = replace(BASELINE, under=self.variants[0].under if self.variants else ())
        assert all(one.under == self._baseline.under for one in self.variants), "one baseline is one `under`"
        self._under = (*needed_under(self.loaded, self.variants), *self._baseline.under)
        self._reach = {variant: variant.reach(self.loaded) for variant in self.variants}

    def measure(
        self,
        batch: TokenBatch,
        reducer: Reducer[R],
        *,
        variants: Sequence[Variant] | None = None,
        reader: LayerReader | None = None,
        advance: Callable[[], None] | None = None,
    ) -> list[Measured[R]]:
        """Run one batch: the intact model first, then the variants in their order.

        Out of memory halves the rows and repeats them; the rows' results are joined in order, and a fallback says so.

        Args:
            batch: The tokens.
            reducer: What is kept of the logits.
            variants: Some of the plan's variants; by default all. The intact model is then kept, and runs once for
                consecutive calls with the same batch and reducer.
            reader: Looks at the layers of variants.
            advance: Called after each run, also for an intact model that was kept.

        Raises:
            OutOfMemoryError: A single row does not fit.
        """
        try:
            return self._measure(batch, reducer, variants, reader, advance)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        self._kept = None
        return self._measure_halves(batch, reducer, variants, reader)

    def forget(self) -> None:
        """Give back what is kept of the intact model."""
        self._kept = None

    def _measure_halves(
        self,
        batch: TokenBatch,
        reducer: Reducer[R],
        variants: Sequence[Variant] | None,
        reader: LayerReader | None,
    ) -> list[Measured[R]]:
        if len(batch) == 1:
            raise OutOfMemoryError(
                f"Memory does not suffice for one row of {batch.input_ids.shape[1]} tokens.",
                hint="Use shorter windows, a smaller --dtype, or --max-memory.",
            )
        release_memory()
        half = (len(batch) + 1) // 2
        self._note(f"Out of memory with {len(batch)} rows at once; going on with {half}.")
        parts = [self.measure(part, reducer, variants=variants, reader=reader) for part in batch.split(half)]
        return [joined(same, reducer, reader) for same in zip(*parts, strict=True)]

    def _measure(
        self,
        given: TokenBatch,
        reducer: Reducer[R],
        variants: Sequence[Variant] | None,
        reader: LayerReader | None,
        advance: Callable[[], None] | None,
    ) -> list[Measured[R]]:
        batch = given.to(self.loaded.device)
        wanted = self.variants if variants is None else variants
        with torch.no_grad():
            self.checked.readout.check(batch)
            if self._goes_layerwise(batch):
                return self._measure_layerwise(batch, reducer, wanted, reader, advance)
            intact = self._intact(given, batch, reducer, advance, keeps=variants is not None)
            results: list[Measured[R]] = [intact.measured]
            for variant in wanted:
                shared = self._shared_calls(variant, intact.calls, batch)
                reads = reader is not None and reader.wants(variant)
                with (
                    applied(self.loaded, (*intact.under, *variant.interventions)),
                    answered(self._layers, shared),
                    recorded(self._layers if reads else []) as own,
                ):
                    result = reducer.reduce(self.checked.readout.read(batch), batch)
                seen = reader.read(variant, intact.calls, own, batch) if reader is not None and reads else None
                results.append(Measured(variant, result, seen))
                self._ran(len(intact.calls) - len(shared), advance)
        return results

    def _intact(
        self,
        given: TokenBatch,
        batch: TokenBatch,
        reducer: Reducer[R],
        advance: Callable[[], None] | None,
        *,
        keeps: bool,
    ) -> _Intact:
        """The intact model on a batch, run now or kept from the call before."""
        kept = self._kept
        if kept is not None and kept.batch is given and kept.reducer is reducer:
            self._ran(0, advance)
            return kept
        kept = self._kept = None  # before the next recording takes memory
        with applied(self.loaded, self._under), recorded(self._layers if self.variants else []) as calls:
            measured = Measured(self._baseline, reducer.reduce(self.checked.readout.read(batch), batch))
        self._ran(len(calls) or len(self._layers), advance)
        intact = _Intact(given, reducer, measured, calls, repeated(self._under))
        self._kept = intact if keeps else None
        return intact

    def _goes_layerwise(self, batch: TokenBatch) -> bool:
        """Whether all variants go through the layers together; checked on the first batch."""
        if not self.loaded.offloaded or not self.variants or None in self._reach.values():
            return False
        if self.checked.layerwise is None:
            first = min(self.variants, key=self._depth)
            self.checked.layerwise = self._layers_together().is_exact(self._arms([first], None), batch)
        if not self.checked.layerwise:
            self._note(f"Layers are read from disk for each removal in this {type(self.loaded.model).__name__}.")
        return self.checked.layerwise

    def _layers_together(self) -> LayerByLayer:
        return LayerByLayer(self.loaded, self._layers, self.checked.readout, self._under)

    def _arms(self, variants: Sequence[Variant], reader: LayerReader | None) -> list[Arm[Any]]:
        """The intact model and variants, ready to start."""
        arms: list[Arm[Any]] = [Arm(self._baseline, frozenset(), keeps=True)]
        for variant in variants:
            wanted = reader is not None and reader.wants(variant)
            arms.append(Arm(variant, self._reach[variant] or frozenset(), keeps=wanted))
        return arms

    def _measure_layerwise(
        self,
        batch: TokenBatch,
        reducer: Reducer[R],
        variants: Sequence[Variant],
        reader: LayerReader | None,
        advance: Callable[[], None] | None,
    ) -> list[Measured[R]]:
        arms: list[Arm[R]] = self._arms(variants, reader)
        self._layers_together().measure(batch, arms, reducer)
        results = []
        for arm in arms:
            assert arm.result is not None
            reads = reader is not None and arm is not arms[0] and arm.keeps
            seen = reader.read(arm.variant, arms[0].calls, arm.calls, batch) if reader is not None and reads else None
            results.append(Measured(arm.variant, arm.result, seen))
            self._ran(arm.n_made, advance)
        return results

    def _note(self, sentence: str) -> None:
        if sentence not in self.fallbacks:
            self.fallbacks.append(sentence)
        if sentence not in self.checked.told:
            self.checked.told.add(sentence)
            self.progress.warn(sentence)

    def _ran(self, n_layers: int, advance: Callable[[], None] | None) -> None:
        self.n_layer_calls += n_layers
        if advance is not None:
            advance()

    def _depth(self, variant: Variant) -> int:
        """Number of the first layer that a variant acts in; that of all layers where it acts behind them."""
        reach = self._reach[variant] or frozenset()
        return next((number for number, layer in enumerate(self._layers) if layer in reach), len(self._layers))

    def _shared_calls(self, variant: Variant, calls: list[LayerCall], batch: TokenBatch) -> list[LayerCall]:
        """The recorded calls of the intact model that the variant may be answered with."""
        reach = self._reach[variant]
        if reach is None:
            return []
        first = next((number for number, call in enumerate(calls) if call.layer in reach), len(calls))
        if first == 0:
            return []
        if first not in self.checked.exact:
            self.checked.exact[first] = shortcut_is_exact(
                self.loaded, variant, first, batch=batch, layers=self._layers, under=self._under
            )
        if self.checked.exact[first]:
            return calls[:first]
        self._note(f"Layers before {first} cannot be shared in this {type(self.loaded.model).__name__}; they run anew.")
        return []


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
