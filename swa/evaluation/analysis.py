"""`evaluate`: what each super weight costs in perplexity and in task accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from pydantic import MISSING

from swa.data.sources import TextSource
from swa.engine.packing.scorer import SequenceScorer
from swa.engine.variants.inactive import why_inactive
from swa.engine.variants.interventions import ScaleEntries
from swa.errors import UsageError
from swa.evaluation.accuracy import answer_task
from swa.evaluation.book import AnswerBook, NoBook
from swa.evaluation.harness.bridge import Encoder
from swa.evaluation.harness.tasks import RequestedTask
from swa.evaluation.impact import TextLosses, perplexity_impact
from swa.evaluation.options import EvaluateOptions
from swa.evaluation.perplexity import measure_perplexity
from swa.evaluation.taskresults import TaskResults
from swa.evaluation.texts import ScoredTexts, scored_texts
from swa.evaluation.variants import INTACT, EvaluatedVariant, variants_of
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress, SilentProgress
from swa.schemas.detection import SuperWeight
from swa.schemas.evaluation import Baseline, BaselinePerplexity, ImpactRecord, ItemRecord, ModelAnalysis


class Evaluation(NamedTuple):
    """What an evaluation gives.

    Attributes:
        analysis: Baseline and every variant.
        items: By requested task and name of the variant: one record an item.
        notes: Sentences that a reader should know.
    """

    analysis: ModelAnalysis
    items: dict[str, dict[str, list[ItemRecord]]]
    notes: tuple[str, ...]


def evaluate(
    loaded: LoadedModel,
    super_weights: Sequence[SuperWeight],
    *,
    text: TextSource | None = None,
    tasks: Sequence[RequestedTask] = (),
    options: EvaluateOptions | None = None,
    book: AnswerBook | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure the intact model, each super weight alone and all together (2-methods 2.4).

    Args:
        loaded: The model. Its weights are the same to the bit afterwards.
        super_weights: What to edit; none measures the intact model alone.
        text: Text of the perplexity; `None` leaves it out.
        tasks: Tasks with their requests, from `load_tasks`; none leaves accuracy out.
        options: The choices; the defaults are those of the command line.
        book: Where finished batches are kept, so that an interrupted evaluation goes on.
        progress: Where the work is reported.

    Raises:
        UsageError: A coordinate is not the model's, the text is too short, or there is nothing to measure.
        UnsupportedModelError: The model computes from copies of its weights.
        OutOfMemoryError: A single text does not fit into memory.
    """
    if text is None and not tasks:
        raise UsageError("Neither a text nor a task is given: nothing to measure.")
    options, book, progress = options or EvaluateOptions(), book or NoBook(), progress or SilentProgress()
    alone, together = variants_of(
        loaded, super_weights, scales=options.scales, individual=options.individual, combined=options.combined
    )
    variants = [INTACT, *alone, *together]
    scorer = SequenceScorer(loaded, options.batch_size, progress)
    notes: list[str] = []
    texts, losses = None, None
    if text is not None:
        texts = scored_texts(loaded, text, options)
        for sentence in texts.notes:
            progress.warn(sentence)
        notes += texts.notes
        losses = measure_perplexity(scorer, texts, variants, book=book, progress=progress)
    results: list[TaskResults] = []
    if tasks:
        encoder = Encoder(loaded, batch_size=1)
        for requested in tasks:
            answers = answer_task(scorer, encoder, requested, variants, seed=options.seed, book=book, progress=progress)
            results.append(TaskResults.of(requested, answers))
    records = _Records(loaded, losses, texts, results, options.seed)
    analysis = ModelAnalysis.model_validate(
        {
            "model": loaded.name,
            "batch_tokens": scorer.token_limit if options.batch_size is None else MISSING,
            "super_weights": list(super_weights),
            "baseline": _baseline(text, texts, losses, results),
            "individual": [records.impact(variant) for variant in alone],
            "combined": [records.impact(variant) for variant in together],
        }
    )
    items = {one.requested.name: {v.name: one.items(v.name) for v in variants} for one in results}
    return Evaluation(analysis, items, (*notes, *scorer.notes))


class _Records(NamedTuple):
    """Makes the records of variants."""

    loaded: LoadedModel
    losses: dict[str, TextLosses] | None
    texts: ScoredTexts | None
    results: Sequence[TaskResults]
    seed: int

    def impact(self, variant: EvaluatedVariant) -> ImpactRecord:
        """A variant against the intact model."""
        optional: dict[str, Any] = {}
        reason = self._inactive(variant)
        if reason is not None:
            optional["edit_inactive"] = reason
        if self.losses is not None:
            optional["perplexity"] = perplexity_impact(
                self.losses[INTACT.name], self.losses[variant.name], seed=self.seed, name=variant.key
            )
        if self.results:
            optional["accuracy"] = {one.requested.name: one.impact(variant, seed=self.seed) for one in self.results}
        return ImpactRecord.model_validate(
            {
                "variant": variant.name,
                "coordinates": list(variant.coordinates),
                "factor": variant.factor,
                **optional,
            }
        )

    def _inactive(self, variant: EvaluatedVariant) -> str | None:
        """Why an edit changed nothing, where it changed nothing.

        Raises:
            UnsupportedModelError: There is no reason: the model computes from a copy of its weights.
        """
        if variant.factor == 1:
            return "factor 1 changes nothing"
        if self.losses is None or self.texts is None or len(variant.variant.interventions) != 1:
            return None
        if not (self.losses[variant.name].nll == self.losses[INTACT.name].nll).all():
            return None
        (edit,) = variant.variant.interventions
        assert isinstance(edit, ScaleEntries)
        assert edit.row is not None, "evaluated edits are scalars"
        assert edit.col is not None, "evaluated edits are scalars"
        longest = max(self.texts.sequences, key=lambda sequence: len(sequence.tokens))
        return why_inactive(self.loaded, (edit.site, edit.row, edit.col), torch.tensor([longest.tokens]))


def _baseline(
    text: TextSource | None,
    texts: ScoredTexts | None,
    losses: dict[str, TextLosses] | None,
    results: Sequence[TaskResults],
) -> Baseline:
    optional: dict[str, Any] = {}
    if text is not None and texts is not None and losses is not None:
        intact = losses[INTACT.name]
        optional["perplexity"] = BaselinePerplexity(
            value=intact.perplexity,
            n_texts=len(intact.nll),
            n_tokens=int(intact.n_targets.sum()),
            protocol=texts.protocol,
            dataset_fingerprint=text.fingerprint,
            bos=texts.bos,
            n_truncated=texts.n_truncated if texts.protocol == "paragraphs" else MISSING,
        )
    if results:
        optional["accuracy"] = {one.requested.name: one.baseline() for one in results}
    return Baseline.model_validate(optional)
