"""Cards of super weights: removal, controls, token shifts, bootstrap and cascade from one pass over the text."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from swa.data.function_words import stopword_ids
from swa.data.options import WindowOptions
from swa.data.sources import TextSource
from swa.data.tokens import unlisted_ids
from swa.engine.measures.layer_choice import LayerChoice
from swa.engine.measures.lens import LensTarget
from swa.engine.measures.lens_records import cascade_readings
from swa.engine.measures.passes import NoPassBook, PassBook, run_pass
from swa.engine.measures.text_windows import text_windows, windows_at_once
from swa.engine.variants.interventions import Variant
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress, SilentProgress
from swa.schemas.cards import SuperWeightCard
from swa.schemas.detection import SuperWeight
from swa.vocabulary.interventions import interventions_of
from swa.vocabulary.options import InterventionOptions
from swa.vocabulary.super_weight_card import super_weight_card


def super_weight_cards(
    loaded: LoadedModel,
    super_weights: Sequence[SuperWeight],
    text: TextSource,
    *,
    candidates: Sequence[SuperWeight] = (),
    windows: WindowOptions | None = None,
    options: InterventionOptions | None = None,
    book: PassBook | None = None,
    progress: Progress | None = None,
    notes: list[str] | None = None,
) -> list[SuperWeightCard]:
    """Measure what removing each super weight does to predictions (2-methods 2.5).

    Args:
        loaded: The model. Its weights are the same to the bit afterwards.
        super_weights: What gets a card.
        text: What the model reads.
        candidates: Everything that a detection pointed to; controls keep away from it.
        windows: How the text is cut.
        options: What is measured.
        book: Keeps the sums after each batch, so that an interrupted pass goes on.
        progress: Where the work is reported.
        notes: Sentences that a reader should know are added here.

    Raises:
        UsageError: A coordinate is not the model's, or the numbers make no windows.
        UnsupportedModelError: The model computes from copies of its weights, or a cascade is not defined for it.
    """
    windows, options = windows or WindowOptions(), options or InterventionOptions()
    progress, notes = progress or SilentProgress(), [] if notes is None else notes
    if not super_weights:
        return []
    found = text_windows(
        loaded,
        text,
        tokens=windows.tokens,
        window_len=windows.window_len,
        stride=windows.stride,
        drop_first_token=windows.drop_first_token,
    )
    notes += found.notes
    interventions = interventions_of(
        loaded, super_weights, candidates=candidates, control_samples=options.control_samples, seed=options.seed
    )
    targets: dict[Variant, LensTarget] = {}
    if options.cascade:
        for one in interventions:
            layers = LayerChoice().of(one.site.layer, loaded.sites.stacks[one.site.stack])
            targets[one.removal] = LensTarget(one.site.stack, layers, one.site.layer, one.record.row)
    n_logits = loaded.model.get_output_embeddings().weight.shape[0]
    sums = run_pass(
        loaded,
        found.batches(windows_at_once(loaded, found, options.batch_size)),
        [variant for one in interventions for variant in one.variants],
        shifted=[one.removal for one in interventions],
        lens=targets,
        stopword_ids=stopword_ids(loaded.tokenizer),
        book=book or NoPassBook(),
        progress=progress,
        title="Interventions",
        notes=notes,
    )
    unlisted = unlisted_ids(loaded.tokenizer, n_logits)
    first = torch.tensor([found.sequences[0].tokens])
    return [
        super_weight_card(
            loaded,
            one,
            sums,
            options=options,
            excluded_ids=unlisted,
            text_ids=first,
            cascade=cascade_readings(targets[one.removal].layers, sums.lens[one.removal.name]).block
            if one.removal in targets
            else None,
        )
        for one in interventions
    ]
