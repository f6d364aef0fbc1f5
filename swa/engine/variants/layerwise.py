"""Layer by layer: where weights lie on disk, one reading of a layer serves the intact model and all variants.

A pass is cut at its layer calls. In round n the intact model and then every variant run their own forward with the
calls before the n-th answered; the n-th is made, kept, and ends the round. While a round lasts its layer stays in
memory. The last round goes on to the head. Of a variant only its latest call is kept: earlier ones are answered like
those of the intact model, which is exact where a layer sees the past through the residual stream alone. That is not
assumed: the plan compares it once with plain forwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from swa.engine.measures.reducers import LogitsChunk, Reducer
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import Intervention, Variant, applied, repeated
from swa.engine.variants.readout import ReadOut
from swa.engine.variants.recording import LayerCall, answered
from swa.engine.variants.selfcheck import MISSING_STATE, N_TOKENS
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.weights import kept_resident

R = TypeVar("R")


class _Logits:
    """Keeps all logits, of short texts."""

    def reduce(self, chunks: Iterable[LogitsChunk], batch: TokenBatch) -> torch.Tensor:
        """`(n_reads, vocabulary)`."""
        return torch.cat([chunk.logits for chunk in chunks])

    def join(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        """Those of several batches."""
        return torch.cat(list(parts))


class _EndOfRound(Exception):  # noqa: N818 - no failure: the call of this round has been made
    pass


@dataclass
class Arm(Generic[R]):
    """The intact model or a variant on its way through the layers.

    Attributes:
        variant: Which.
        reach: The layers that its interventions act in.
        keeps: Whether all its calls are kept, for a layer reader.
        calls: Its calls so far; those of the intact model until the first layer of its reach.
        own: Whether such a layer has been reached.
        result: What the reducer made of its logits, once it is at the end.
        n_made: Number of calls that it made itself.
    """

    variant: Variant
    reach: frozenset[nn.Module]
    keeps: bool
    calls: list[LayerCall] = field(default_factory=list)
    own: bool = False
    result: R | None = None
    n_made: int = 0

    @property
    def ended(self) -> bool:
        """Whether it is through all layers and the head."""
        return self.result is not None


@dataclass
class LayerByLayer:
    """Runs batches under the intact model and variants, each layer once for all of them.

    Attributes:
        loaded: The model.
        layers: Its layers.
        readout: Reads its logits.
        under: What acts in the intact model and in all variants.
    """

    loaded: LoadedModel
    layers: Sequence[nn.Module]
    readout: ReadOut
    under: Sequence[Intervention]

    def measure(self, batch: TokenBatch, arms: Sequence[Arm[R]], reducer: Reducer[R]) -> None:
        """Bring all arms to the end.

        Args:
            batch: The tokens.
            arms: The intact model, then the variants; they get their results.
            reducer: What is kept of the logits.
        """
        intact, *variants = arms
        ended = False
        with torch.no_grad(), kept_resident(self.loaded.model.get_input_embeddings()):
            while not ended:
                with ExitStack() as held:
                    with applied(self.loaded, self.under):
                        self._go_on(intact, intact.calls, batch, reducer, held)
                    ended, under = intact.ended, repeated(self.under)
                    for arm in variants:
                        arm.own = arm.own or intact.calls[-1].layer in arm.reach
                        if ended or arm.own:
                            answers = _answers(arm, intact.calls if ended else intact.calls[:-1])
                            with applied(self.loaded, (*under, *arm.variant.interventions)):
                                self._go_on(arm, answers, batch, reducer, held)
                        elif arm.keeps:
                            arm.calls.append(intact.calls[-1])

    def is_exact(self, arms: Sequence[Arm[torch.Tensor]], batch: TokenBatch) -> bool:
        """Whether arms have the logits of plain forward passes, on a short piece of the batch.

        To the bit in float32 on the CPU, elsewhere to 1e-5 of the interventions' effect.

        Args:
            arms: The intact model and the variant that acts first: it sees all that later ones see.
            batch: Tokens; a short piece of the first row is used.
        """
        short = TokenBatch.all_scored(batch.input_ids[:1, :N_TOKENS].cpu()).to(batch.input_ids.device)
        try:
            self.measure(short, arms, _Logits())
        except MISSING_STATE:
            return False
        plain: list[torch.Tensor] = []
        together: list[torch.Tensor] = []
        for arm in arms:
            assert arm.result is not None
            together.append(arm.result)
            under = repeated(self.under) if plain else self.under
            with torch.no_grad(), applied(self.loaded, (*under, *arm.variant.interventions)):
                plain.append(_Logits().reduce(self.readout.read(short), short))
        if plain[0].dtype == torch.float32 and plain[0].device.type == "cpu":
            return all(map(torch.equal, together, plain))
        effect = (plain[-1].float() - plain[0].float()).abs().amax()
        off = max((one.float() - other.float()).abs().amax() for one, other in zip(together, plain, strict=True))
        return bool(off <= 1e-5 * effect)

    def _go_on(
        self, arm: Arm[R], answers: Sequence[LayerCall], batch: TokenBatch, reducer: Reducer[R], held: ExitStack
    ) -> None:
        try:
            with answered(self.layers, answers), _one_further(self.layers, len(answers), held) as made:
                states = self.readout.states(batch)
        except _EndOfRound:
            arm.n_made += 1
            arm.calls[len(arm.calls) if arm.keeps else 0 :] = made
            return
        held.enter_context(kept_resident(self.loaded.model.get_output_embeddings()))
        arm.result = reducer.reduce(self.readout.logits(states, batch), batch)


def _answers(arm: Arm[Any], intact: Sequence[LayerCall]) -> list[LayerCall]:
    """The calls before the next: the intact model's, and the latest of the arm's own."""
    return [*intact[:-1], arm.calls[-1]] if arm.own and arm.calls else list(intact)


@contextmanager
def _one_further(layers: Sequence[nn.Module], n_answered: int, held: ExitStack) -> Iterator[list[LayerCall]]:
    """End the forward pass after the first layer call that is not answered.

    Args:
        layers: The model's layers.
        n_answered: How many calls are answered.
        held: Keeps the weights of that layer in memory until it is closed.
    """
    made: list[LayerCall] = []
    numbers = count()

    def begin(layer: nn.Module, _args: Any) -> None:
        if next(numbers) >= n_answered:
            held.enter_context(kept_resident(layer))
            stack.callback(layer.register_forward_hook(end).remove)

    def end(layer: nn.Module, _args: Any, output: Any) -> None:
        made.append(LayerCall(layer, output))
        raise _EndOfRound

    with ExitStack() as stack:
        for layer in layers:
            stack.callback(layer.register_forward_pre_hook(begin).remove)
        yield made
