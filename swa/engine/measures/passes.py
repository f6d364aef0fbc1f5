"""A pass over windows for the intact model and every variant: planned in items, summed when all are there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

from pydantic import JsonValue

from swa.engine.ledger import Item, Ledger, Round, chunks, item_key, model_content
from swa.engine.measures.lens import LensReader, LensTarget
from swa.engine.measures.pass_sums import PassSums, item_arrays
from swa.engine.measures.text_windows import BatchedWindows
from swa.engine.measures.window_metrics import WindowReducer
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import BASELINE, Variant
from swa.engine.variants.plan import ForwardPlan
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress
from swa.store.ledger import Answer


class _Chunk(NamedTuple):
    """Variants of one item.

    Attributes:
        variants: The variants.
        names: Name of each model, the intact one first; `None` for it where an item before has its sums.
        shifted: Numbers of the models whose token shifts are kept: 0 is the intact one, the variants follow.
        content: What the keys of its items hold of it.
    """

    variants: Sequence[Variant]
    names: Sequence[str | None]
    shifted: Collection[int]
    content: dict[str, JsonValue]


class _Piece(NamedTuple):
    """One item: a batch and a chunk, and the key of both."""

    batch: TokenBatch
    chunk: _Chunk
    key: str


@dataclass(frozen=True)
class WindowPass:
    """Every batch of windows once for the intact model and each variant.

    Attributes:
        loaded: The model.
        windows: The windows.
        variants: The interventions; their names differ.
        title: What the runs are called where they are counted.
        progress: Where a fallback is told.
        shifted: Variants whose token shifts are wanted.
        lens: What is read through the lens of which variant.
        stopword_ids: Ids of function words, ascending; without any their mass is 0.
    """

    loaded: LoadedModel
    windows: BatchedWindows
    variants: Sequence[Variant]
    title: str
    progress: Progress
    shifted: Sequence[Variant] = ()
    lens: Mapping[Variant, LensTarget] = field(default_factory=dict)
    stopword_ids: Sequence[int] = ()

    def round(self) -> Round:
        """All items, batch by batch: the intact model runs once for the chunks of a batch."""
        plan = ForwardPlan(self.loaded, self.variants, progress=self.progress)
        run = _Run(plan, WindowReducer(self.stopword_ids), LensReader(self.loaded, self.lens) if self.lens else None)
        return Round(
            self.title,
            [Item(piece.key, len(piece.chunk.variants) + 1, partial(run.answer, piece)) for piece in self._pieces],
        )

    def sums(self, ledger: Ledger) -> PassSums:
        """The sums over all batches, added in their order, with what was clamped and what could not be shared."""
        sums = PassSums(notes=list(self.windows.windows.notes))
        for piece in self._pieces:
            sums.add(ledger.get(piece.key), piece.chunk.names)
        return sums

    @cached_property
    def _pieces(self) -> list[_Piece]:
        common = {"model": model_content(self.loaded), "stopwords": list(self.stopword_ids)}
        parts = [self._chunk(number, some) for number, some in enumerate(chunks(self.variants, self.loaded))]
        return [
            _Piece(batch, chunk, item_key("windows", batch=digest, **common, **chunk.content))
            for batch in self.windows.batches
            for digest in [batch.digest]
            for chunk in parts
        ]

    def _chunk(self, number: int, variants: Sequence[Variant]) -> _Chunk:
        shifted = [place for place, variant in enumerate(variants, start=1) if variant in self.shifted]
        if self.shifted and number == 0:
            shifted = [0, *shifted]
        content: dict[str, JsonValue] = {
            "variants": [variant.content for variant in variants],
            "shifted": list(shifted),
            "lens": [_content_of(self.lens.get(variant)) for variant in variants],
        }
        names = [None if number else BASELINE.name, *(variant.name for variant in variants)]
        return _Chunk(variants, names, shifted, content)


def _content_of(target: LensTarget | None) -> JsonValue:
    return None if target is None else [target.stack, list(target.layers), target.layer, target.row]


class _Run(NamedTuple):
    """What computes the items of a pass; the plan keeps the intact model from one to the next.

    Attributes:
        plan: Runs batches.
        reducer: What is kept of the logits.
        reader: Reads variants through the lens.
    """

    plan: ForwardPlan
    reducer: WindowReducer
    reader: LensReader | None

    def answer(self, piece: _Piece, advance: Callable[[], None]) -> Answer:
        """Compute one item."""
        measured = self.plan.measure(
            piece.batch, self.reducer, variants=piece.chunk.variants, reader=self.reader, advance=advance
        )
        return Answer(arrays=item_arrays(measured, piece.chunk.shifted), notes=tuple(self.plan.fallbacks))
