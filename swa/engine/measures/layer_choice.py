"""Which layers are read through the lens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swa.errors import UsageError

N_LAYERS = 8
"""Layers that are read by default."""


@dataclass(frozen=True)
class LayerChoice:
    """Which layers are read.

    Attributes:
        every: Each layer whose index is a multiple of it, and the last; `None` for another rule.
        layers: Exactly these; empty for another rule. Without both: at most 8 spread over the model.
    """

    every: int | None = None
    layers: tuple[int, ...] = ()

    @classmethod
    def of_words(cls, words: Sequence[str]) -> LayerChoice:
        """The choice of `all`, `every:N`, or numbers; none for the default.

        Raises:
            UsageError: A rule stands beside something else.
        """
        rules = [word for word in words if not word.isdecimal()]
        if rules and len(set(words)) > 1:
            raise UsageError(f"--layers has {rules[0]} beside other values.", hint="Give all, every N, or numbers.")
        if not rules:
            return cls(layers=tuple(map(int, words)))
        return cls(every=1 if rules[0] == "all" else int(rules[0].split(":")[1]))

    @property
    def words(self) -> list[str]:
        """The choice in words; the same layers are written alike."""
        if self.layers:
            return [str(layer) for layer in sorted(set(self.layers))]
        return [] if self.every is None else ["all" if self.every == 1 else f"every:{self.every}"]

    def of(self, layer: int, n_layers: int) -> tuple[int, ...]:
        """The layers to read for a scalar of one layer, ascending.

        Args:
            layer: Layer of the scalar.
            n_layers: Layers of its stack.

        Raises:
            UsageError: The model has no such layer.
        """
        if self.layers:
            beyond = [number for number in self.layers if number >= n_layers]
            if beyond:
                raise UsageError(f"--layers names layer {beyond[0]}; the model has 0 to {n_layers - 1}.")
            return tuple(sorted(set(self.layers)))
        if self.every is not None:
            return tuple(sorted({*range(0, n_layers, self.every), n_layers - 1}))
        return _spread(layer, n_layers)


def _spread(layer: int, n_layers: int) -> tuple[int, ...]:
    """The layer before the scalar's, its own and the last, and evenly spaced ones (docs/methods.md#cascade)."""
    fixed = {max(0, layer - 1), layer, n_layers - 1}
    even = {round(i * (n_layers - 1) / (N_LAYERS - 1)) for i in range(N_LAYERS)} - fixed
    while len(fixed) + len(even) > N_LAYERS:
        # the one that tells least beside its neighbour
        even.remove(min(even, key=lambda number: (min(abs(number - other) for other in fixed), number)))
    return tuple(sorted(fixed | even))
