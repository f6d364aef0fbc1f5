"""Cards of super weights: removal, controls, token shifts, bootstrap and cascade from one pass over the text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from swa.data.function_words import stopword_ids
from swa.data.options import WindowOptions
from swa.data.sources import TextSource
from swa.data.tokens import unlisted_ids
from swa.engine.ledger import Ledger, Round
from swa.engine.measures.layer_choice import LayerChoice
from swa.engine.measures.lens import LensTarget
from swa.engine.measures.lens_records import cascade_readings
from swa.engine.measures.pass_sums import PassSums
from swa.engine.measures.passes import WindowPass
from swa.engine.measures.text_windows import batched_windows
from swa.engine.variants.interventions import Variant
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress, SilentProgress
from swa.schemas.cards import CascadeBlock, SuperWeightCard
from swa.schemas.detection import SuperWeight
from swa.schemas.run import EffectiveWindows
from swa.text.words import counted
from swa.vocabulary.interventions import Intervention, interventions_of
from swa.vocabulary.options import InterventionOptions
from swa.vocabulary.super_weight_card import super_weight_card


class SuperWeightCards(NamedTuple):
    """What the interventions give.

    Attributes:
        cards: One a super weight, in their order.
        notes: Sentences that a reader should know.
    """

    cards: list[SuperWeightCard]
    notes: list[str]


@dataclass(frozen=True)
class SuperWeightWork:
    """The interventions of some super weights, planned; a `Work`.

    Attributes:
        interventions: The variants of each super weight, one at least.
        targets: What is read through the lens of which removal.
        measured: The pass over the windows.
        options: What is measured.
    """

    interventions: Sequence[Intervention]
    targets: Mapping[Variant, LensTarget]
    measured: WindowPass
    options: InterventionOptions

    @property
    def windows(self) -> EffectiveWindows:
        """The windows as they were laid."""
        return self.measured.windows.effective

    @property
    def text(self) -> str:
        """What will run, in words."""
        counts = f"{counted(len(self.interventions), 'super weight')}, {len(self.measured.variants)} variants"
        return f"{counts} and the intact model on {self.measured.windows.text}"

    def rounds(self, ledger: Ledger) -> Iterator[Round]:
        """See `Work.rounds`."""
        del ledger  # there is one round
        yield self.measured.round()

    def records(self, ledger: Ledger) -> SuperWeightCards:
        """See `Work.records`."""
        sums = self.measured.sums(ledger)
        loaded = self.measured.loaded
        unlisted = unlisted_ids(loaded.tokenizer, loaded.model.get_output_embeddings().weight.shape[0])
        first = torch.tensor([self.measured.windows.windows.sequences[0].tokens])
        cards = [
            super_weight_card(
                loaded,
                one,
                sums,
                options=self.options,
                excluded_ids=unlisted,
                text_ids=first,
                cascade=self._cascade(one.removal, sums),
            )
            for one in self.interventions
        ]
        return SuperWeightCards(cards, sums.notes)

    def _cascade(self, removal: Variant, sums: PassSums) -> CascadeBlock | None:
        target = self.targets.get(removal)
        return None if target is None else cascade_readings(target.layers, sums.lens[removal.name]).block


def plan_super_weight_cards(
    loaded: LoadedModel,
    super_weights: Sequence[SuperWeight],
    text: TextSource,
    *,
    candidates: Sequence[SuperWeight] = (),
    windows: WindowOptions | None = None,
    options: InterventionOptions | None = None,
    progress: Progress | None = None,
) -> SuperWeightWork:
    """Plan what measures the removal of each super weight (docs/methods.md#interventions).

    Args:
        loaded: The model. Its weights are the same to the bit afterwards.
        super_weights: What gets a card, one at least.
        text: What the model reads.
        candidates: Everything that a detection pointed to; controls keep away from it.
        windows: How the text is cut.
        options: What is measured.
        progress: Where is told what could not be shared.

    Raises:
        UsageError: A coordinate is not the model's, a matrix has no control, or the numbers make no windows.
    """
    windows, options = windows or WindowOptions(), options or InterventionOptions()
    laid = batched_windows(
        loaded,
        text,
        tokens=windows.tokens,
        window_len=windows.window_len,
        stride=windows.stride,
        drop_first_token=windows.drop_first_token,
        batch_size=options.batch_size,
    )
    planned = interventions_of(
        loaded, super_weights, candidates=candidates, control_samples=options.control_samples, seed=options.seed
    )
    targets: dict[Variant, LensTarget] = {}
    if options.cascade:
        for one in planned:
            layers = LayerChoice().of(one.site.layer, loaded.sites.stacks[one.site.stack])
            targets[one.removal] = LensTarget(one.site.stack, layers, one.site.layer, one.record.row)
    measured = WindowPass(
        loaded,
        laid,
        [variant for one in planned for variant in one.variants],
        title="Interventions",
        progress=progress or SilentProgress(),
        shifted=[one.removal for one in planned],
        lens=targets,
        stopword_ids=stopword_ids(loaded.tokenizer),
    )
    return SuperWeightWork(planned, targets, measured, options)
