"""Records of an evaluation, made of all answers: the intact model, and each variant against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from swa.engine.variants.inactive import why_inactive
from swa.engine.variants.interventions import ScaleEntries
from swa.evaluation.impact import perplexity_impact
from swa.evaluation.perplexity import MeasuredTexts
from swa.evaluation.taskresults import TaskResults
from swa.evaluation.variants import INTACT, EvaluatedVariant
from swa.models.loading.loaded import LoadedModel
from swa.models.unit import Address
from swa.schemas.evaluation import Baseline, ImpactRecord


class EvaluationRecords(NamedTuple):
    """Makes the records of the intact model and of variants.

    Attributes:
        loaded: The model.
        texts: What was measured on texts; `None` where nothing was.
        results: What was measured in tasks.
        seed: Seed of the bootstraps.
    """

    loaded: LoadedModel
    texts: MeasuredTexts | None
    results: Sequence[TaskResults]
    seed: int

    def baseline(self) -> Baseline:
        """The intact model."""
        optional: dict[str, Any] = {}
        if self.texts is not None:
            optional["perplexity"] = self.texts.baseline()
        if self.results:
            optional["accuracy"] = {one.requested.name: one.baseline() for one in self.results}
        return Baseline.model_validate(optional)

    def impact(self, variant: EvaluatedVariant) -> ImpactRecord:
        """A variant against the intact model."""
        optional: dict[str, Any] = {}
        reason = self._inactive(variant)
        if reason is not None:
            optional["edit_inactive"] = reason
        if self.texts is not None:
            losses = self.texts.losses
            optional["perplexity"] = perplexity_impact(
                losses[INTACT.name], losses[variant.name], seed=self.seed, name=variant.key
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
        if self.texts is None or len(variant.variant.interventions) != 1:
            return None
        losses = self.texts.losses
        if not (losses[variant.name].nll == losses[INTACT.name].nll).all():
            return None
        (edit,) = variant.variant.interventions
        assert isinstance(edit, ScaleEntries), "evaluated interventions scale"
        assert edit.row is not None, "evaluated edits are scalars"
        assert edit.col is not None, "evaluated edits are scalars"
        longest = max(self.texts.texts.sequences, key=lambda sequence: len(sequence.tokens))
        return why_inactive(self.loaded, Address(edit.site, edit.row, edit.col), torch.tensor([longest.tokens]))
