"""Variants on batches as items: one batch and one chunk of variants each, with the intact model of that batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from swa.engine.ledger import Item, Ledger, chunks, item_key, model_content
from swa.engine.measures.reducers import Reducer
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import Variant
from swa.engine.variants.plan import ForwardPlan, Measured
from swa.engine.variants.reader import LayerReader
from swa.models.loading.loaded import LoadedModel
from swa.store.ledger import Answer

R = TypeVar("R")


@dataclass(frozen=True)
class VariantItems:
    """Variants that are measured on batches.

    Attributes:
        kind: What is measured.
        loaded: The model.
        batches: The tokens.
        variants: What is compared with the intact model.
        content: What answers depend on beside model, tokens and variants.
    """

    kind: str
    loaded: LoadedModel
    batches: Sequence[TokenBatch]
    variants: Sequence[Variant]
    content: Mapping[str, Any] = field(default_factory=dict)

    def items(
        self,
        plan: Callable[[], ForwardPlan],
        reducer: Reducer[R],
        answer: Callable[[Sequence[Measured[R]]], Answer],
        *,
        reader: LayerReader | None = None,
    ) -> list[Item]:
        """The items, in the order in which the intact model is run once a batch.

        Args:
            plan: The plan of the variants; it is asked for when an item is computed.
            reducer: What is kept of the logits.
            answer: Makes an answer of the intact model and a chunk of variants.
            reader: Looks at the layers of variants.
        """

        def item(key: str, batch: TokenBatch, chunk: Sequence[Variant]) -> Item:
            def compute(advance: Callable[[], None]) -> Answer:
                ready = plan()
                ready.fallbacks.clear()  # those of this item alone
                measured = ready.measure(batch, reducer, variants=chunk, reader=reader, advance=advance)
                return replace(answer(measured), notes=tuple(ready.fallbacks))

            return Item(key, 1 + len(chunk), compute)

        return [
            item(key, batch, chunk)
            for batch, keys in zip(self.batches, self._keys, strict=True)
            for key, chunk in zip(keys, self._chunks, strict=True)
        ]

    def answers(self, ledger: Ledger) -> list[list[Answer]]:
        """The answers by batch and chunk."""
        return [[ledger.get(key) for key in keys] for keys in self._keys]

    @cached_property
    def _chunks(self) -> list[Sequence[Variant]]:
        return chunks(self.variants, self.loaded)

    @cached_property
    def _keys(self) -> list[list[str]]:
        model = model_content(self.loaded)
        variants = [[variant.content for variant in chunk] for chunk in self._chunks]
        return [
            [item_key(self.kind, tokens=batch.digest, variants=chunk, **model, **self.content) for chunk in variants]
            for batch in self.batches
        ]
