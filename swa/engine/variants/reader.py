"""What may look at the layers of a variant while those of the intact model are in memory too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import Variant
from swa.engine.variants.recording import LayerCall


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
