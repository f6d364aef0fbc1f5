"""`swa vocab` for one model, from its name to its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import MISSING

from swa.findings.summaries import model_summary
from swa.runs.driver.call import Call
from swa.runs.driver.model_run import ModelRun, Place
from swa.runs.driver.provenance import RunBlock, completed_by, run_header, write_block
from swa.runs.driver.step import Outcome, Plan, Step
from swa.runs.files.cards import Cards, keep_cards, paths_of, prepare, write_derived
from swa.runs.inputs.given_weights import NO_WEIGHTS, NamedWeights
from swa.runs.inputs.saved_cards import SavedCards, neuron_of
from swa.runs.inputs.super_weights import SuperWeightSource
from swa.runs.inputs.text_budget import TextBudget, bootstrap_warning, measure_text
from swa.runs.inputs.vocab_choices import VocabChoices
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.run import Configuration, NamedByModule, RunHeader
from swa.schemas.summaries import ModelSummary
from swa.store.tree import ModelFolder
from swa.store.vocab_tree import VocabFolder
from swa.vocabulary.selectors import cards_among, crowded_modules, identity, neurons_of, unclear_modules

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.models.loading.loaded import LoadedModel
    from swa.vocabulary.analysis import Vocabulary
    from swa.vocabulary.work import VocabularyWork


class Inputs(NamedTuple):
    """What is there before the model is loaded.

    Attributes:
        saved: What earlier runs left.
        named: The super weights, `None` where a detection has to find them.
    """

    saved: SavedCards
    named: NamedWeights | None


@dataclass(frozen=True)
class VocabStep(Step[Inputs, "Vocabulary", Cards]):
    """The vocabulary analysis of one model.

    Attributes:
        choices: What is asked for.
        source: Where super weights come from.
        text: The text of the interventions, `None` where there are none.
    """

    command: ClassVar[str] = "vocab"
    again: ClassVar[str] = "analyses again"
    layout: ClassVar[type[ModelFolder]] = VocabFolder
    call: Call
    root: Path
    force: bool
    choices: VocabChoices
    source: SuperWeightSource
    text: TextSource | None

    def check(self, run: ModelRun, place: Place) -> None:
        """See `Step.check`."""
        if not self.force:
            self._saved(run, place).check(self._configurations(run))

    def inputs(self, run: ModelRun, place: Place) -> Inputs:
        """The saved cards, and the super weights so far as they are known without a detection."""
        prepare(VocabFolder(self.root, place.folder.name))
        named = self.source.known(run, place) if self.choices.super_weights else NO_WEIGHTS
        return Inputs(self._saved(run, place), named)

    def finished(self, run: ModelRun, place: Place, inputs: Inputs) -> Outcome[Cards] | None:
        """See `Step.finished`."""
        saved, named = inputs
        if named is None or not self._is_finished(saved, named):
            return None
        header = saved.header
        assert header is not None, "without it nothing is finished"
        by_coordinate = {card.coordinate: card for card in saved.super_weights}
        super_weights = [by_coordinate[text] for text in named.coordinates]
        write_derived(saved.folder, saved.super_weights, saved.neurons, saved.by_module, run.progress)
        if header.status != "complete":
            header = completed_by(header, self.call)
            write_block(saved.folder.run_config, header, run.progress.warn)
        cards = Cards(
            super_weights,
            self._asked_neurons(saved, super_weights),
            model_summary(header.model, saved.super_weights, saved.neurons, threshold=named.threshold),
        )
        files = {**paths_of(saved.folder), **named.files}
        return Outcome(cards, header, saved.folder.path, files, is_new=False, named=named)

    def plan(self, run: ModelRun, place: Place, inputs: Inputs) -> Plan[Inputs, Vocabulary]:
        """See `Step.plan`."""
        from swa.vocabulary.work import VocabularyWork

        saved, named = inputs
        budget = self._budget(run) if named is None or named.weights else None
        loaded = run.load()
        chosen = [one.find(loaded.sites) for one in self.choices.neurons]
        resolved = self.source.resolve(run, named) if self.choices.super_weights else inputs_resolved(NO_WEIGHTS)
        candidates = [*resolved.named.candidates, *resolved.weights]
        kept = SavedCards.empty(saved) if self.force else saved
        work = VocabularyWork.planned(
            loaded,
            kept.without_card(resolved.weights, candidates),
            self.text if resolved.weights else None,
            candidates=candidates,
            neurons=kept.without_neuron_card([*neurons_of(loaded, resolved.weights), *chosen]),
            named_neurons=chosen,
            census=self.choices.census and (self.force or not saved.folder.census.exists()),
            windows=self.choices.windows,
            options=self.choices.interventions,
            cards=self.choices.cards,
            progress=run.progress,
        )
        if budget is not None and resolved.weights:
            self._say(run, budget, work)
        return Plan(inputs, loaded, work, self._header(loaded, saved, work), resolved)
