"""`swa vocab` for one model, from its name to its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import MISSING

from swa.data.options import TextOptions, WindowOptions
from swa.detection.options import DetectOptions
from swa.findings.vocabulary import model_summary
from swa.models.loading.options import LoadOptions
from swa.options import Options, names_of
from swa.progress import Progress, SilentProgress
from swa.runs.driver.call import Call
from swa.runs.driver.cards import Cards
from swa.runs.driver.execute import execute
from swa.runs.driver.model_run import ModelRun, Place
from swa.runs.driver.models import Outcomes, each_model, named_models
from swa.runs.driver.provenance import RunBlock, completed_by, run_header, write_block
from swa.runs.driver.step import Outcome, Plan, Step
from swa.runs.files.card_keeper import CardKeeper
from swa.runs.files.cards import paths_of, prepare, write_derived
from swa.runs.files.root import write_root
from swa.runs.inputs.given_weights import NO_WEIGHTS, NOTHING_RESOLVED, NamedWeights
from swa.runs.inputs.missing_cards import missing_census, missing_neurons, notes_on_neurons, without_card
from swa.runs.inputs.saved_cards import SavedCards
from swa.runs.inputs.super_weights import SuperWeightSource, super_weight_source
from swa.runs.inputs.text_budget import measure_text, warn_of_few_windows, warn_of_notes
from swa.runs.inputs.texts import text_reader
from swa.runs.inputs.vocab_choices import VocabChoices
from swa.runs.options import VOCAB_DETECTION, VOCAB_RUN, RunOptions, WeightOptions
from swa.schemas.run import Configuration, EffectiveWindows, NamedByModule, RunHeader
from swa.store.results import ResultsFolder
from swa.store.tree import ModelFolder
from swa.store.vocab_tree import VocabFolder
from swa.vocabulary.options import InterventionOptions, NeuronOptions
from swa.vocabulary.selectors import cards_among, crowded_modules, neurons_of, unclear_modules

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.models.loading.loaded import LoadedModel
    from swa.runs.driver.models import Models
    from swa.vocabulary.analysis import VocabularyRecords


VOCAB_OPTIONS = names_of(
    *(LoadOptions, TextOptions, WeightOptions, NeuronOptions, InterventionOptions, WindowOptions, DetectOptions),
    RunOptions,
) | {"models"}
"""Names of the options of `swa vocab`."""


class Inputs(NamedTuple):
    """What is there before the model is loaded.

    Attributes:
        saved: What earlier runs left.
        named: The super weights, `None` where a detection has to find them.
    """

    saved: SavedCards
    named: NamedWeights | None


@dataclass(frozen=True)
class VocabStep(Step[Inputs, "VocabularyRecords", Cards]):
    """The vocabulary analysis of one model.

    Attributes:
        choices: What is asked for.
        source: Where super weights come from.
        text: Of the interventions, `None` where there are none.
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
        if named is None or not self.choices.are_met_by(saved, named):
            return None
        header = saved.header
        assert header is not None, "without it nothing is finished"
        by_coordinate = {card.coordinate: card for card in saved.super_weights}
        super_weights = [by_coordinate[text] for text in named.coordinates]
        write_derived(saved.folder, saved.super_weights, saved.neurons, saved.by_module, run.progress)
        if header.status != "complete":
            header = completed_by(header, self.call, run.facts(self._dataset_fingerprint), dtype=run.dtype)
            write_block(saved.folder.run_config, header, run.progress.warn)
        summary = model_summary(header.model, saved.super_weights, saved.neurons, threshold=named.threshold)
        cards = Cards(super_weights, self.choices.neurons_among(saved, super_weights), summary)
        files = {**paths_of(saved.folder), **named.files}
        return Outcome(cards, header, saved.folder.path, files, is_new=False, named=named)

    def plan(self, run: ModelRun, place: Place, inputs: Inputs) -> Plan[Inputs, VocabularyRecords]:
        """See `Step.plan`."""
        from swa.vocabulary.analysis import VocabularyWork
        from swa.vocabulary.super_weight_cards import plan_super_weight_cards

        saved, named = inputs
        budget = None
        if named is None or named.weights:
            assert self.text is not None, "super weights are worked on with a text"
            budget = measure_text(run, self.text, self.choices.windows)
            if self.choices.interventions.bootstrap:
                warn_of_few_windows(run, budget, self.choices.windows)
        loaded = run.load()
        chosen = [one.find(loaded.sites) for one in self.choices.neurons]
        resolved = self.source.resolve(run, named) if self.choices.super_weights else NOTHING_RESOLVED
        neurons, without_effects = missing_neurons(
            loaded,
            () if self.force else saved.neurons,
            neurons_of(loaded, resolved.weights),
            chosen,
            self.choices.cards,
        )
        candidates = [*resolved.named.candidates, *resolved.weights]
        missing = [one for one in resolved.weights if self.force or not saved.has_card(one, candidates)]
        interventions = None
        if resolved.weights:
            assert self.text is not None, "super weights are worked on with a text"
            interventions = plan_super_weight_cards(
                loaded,
                missing or resolved.weights,
                self.text,
                candidates=candidates,
                windows=self.choices.windows,
                options=self.choices.interventions,
                progress=run.progress,
            )
            warn_of_notes(run, budget, self.choices.windows, interventions.measured.windows.windows.notes)
            if missing:
                run.progress.say(f"{loaded.name}: {interventions.text}.")
        for module in without_effects:
            run.progress.warn(without_card(module))
        counts = self.choices.census and (self.force or not saved.folder.census.exists())
        work = VocabularyWork(
            neurons,
            interventions if missing else None,
            missing_census(loaded, self.choices.cards, run.progress) if counts else None,
        )
        windows = MISSING if interventions is None else interventions.windows
        header = self._header(loaded, saved, windows, without_effects)
        return Plan(inputs, loaded, work, header, resolved)

    def _header(
        self,
        loaded: LoadedModel,
        saved: SavedCards,
        windows: EffectiveWindows | MISSING,
        without_effects: Sequence[str],
    ) -> RunHeader:
        earlier, sites = saved.header, loaded.sites
        by_module = NamedByModule(neurons=unclear_modules(sites), super_weights=crowded_modules(sites))
        header = run_header(self.call, loaded, dataset_fingerprint=self._dataset_fingerprint)
        known = [] if earlier is None or earlier.without_effects is MISSING else earlier.without_effects
        undefined = list(dict.fromkeys([*known, *without_effects]))
        return header.model_copy(
            update={
                "windows": windows if windows is not MISSING or earlier is None else earlier.windows,
                "notes": MISSING if earlier is None else earlier.notes,
                "without_effects": undefined or (MISSING if earlier is None else earlier.without_effects),
                "configurations": saved.configurations,
                "named_by_module": by_module,
            }
        )

    def write(
        self,
        run: ModelRun,
        place: Place,
        plan: Plan[Inputs, VocabularyRecords],
        result: VocabularyRecords,
        block: RunBlock,
    ) -> Outcome[Cards]:
        """See `Step.write`."""
        saved, resolved = plan.inputs.saved, plan.resolved
        neurons, super_weights = list(saved.neurons), list(saved.super_weights)
        keeper = CardKeeper(saved, block, self._configurations(run), force=self.force)
        if self.choices.has_neuron_cards:
            neurons = keeper.keep_neurons(result.neurons)
        if self.choices.super_weights:
            notes = [*notes_on_neurons(block.header, resolved.weights), *result.super_weights.notes]
            super_weights = keeper.keep_super_weights(result.super_weights.cards, notes)
        if result.census:
            keeper.keep_census(result.census)
        by_module = block.header.named_by_module
        assert by_module is not MISSING, "it is in the header"
        write_derived(saved.folder, super_weights, neurons, by_module, run.progress)
        coordinates = {weight.coordinate for weight in resolved.weights}
        chosen = [one.find(plan.loaded.sites) for one in self.choices.neurons]
        cards = Cards(
            [card for card in super_weights if card.coordinate in coordinates],
            cards_among(neurons, [*neurons_of(plan.loaded, resolved.weights), *chosen]),
            model_summary(plan.loaded.name, super_weights, neurons, threshold=resolved.named.threshold),
        )
        files = {**paths_of(saved.folder), **resolved.files}
        return Outcome(cards, block.header, saved.folder.path, files, is_new=True, named=resolved.named)

    def _saved(self, run: ModelRun, place: Place) -> SavedCards:
        return SavedCards.open(VocabFolder(self.root, place.folder.name), run.progress.warn)

    def _configurations(self, run: ModelRun) -> dict[str, Configuration]:
        return self.choices.configurations(self.call, run, dataset_fingerprint=self._dataset_fingerprint)

    @property
    def _dataset_fingerprint(self) -> str | None:
        return None if self.text is None else self.text.fingerprint


def vocab(
    models: Models,
    options: InterventionOptions | None = None,
    *,
    windows: WindowOptions | None = None,
    neurons: NeuronOptions | None = None,
    weights: WeightOptions | None = None,
    search: DetectOptions | None = None,
    load: LoadOptions | None = None,
    text: TextOptions | None = None,
    results_dir: Path | str = VOCAB_RUN.results_dir,
    force: bool = False,
    progress: Progress | None = None,
    on_outcome: Callable[[Outcome[Cards]], None] | None = None,
    call: Call | None = None,
) -> Outcomes[Outcome[Cards]]:
    """Measure what super weights do to predictions and what neurons write, as `swa vocab` does, with the same files.

    Args:
        models: Names (hub id, folder, `.gguf` file, `demo`) or loaded models.
        options: What is measured of each super weight.
        windows: How the text is cut.
        neurons: Which neurons get a card, and what it holds; by default with the seed of `options`. Where some are
            named, super weights are those of `weights` alone.
        weights: Which super weights; by default those of the newest detection that fits.
        search: How they are sought where there is none; by default with the seed and batch size of `options`.
        load: How models are loaded.
        text: The text to read.
        results_dir: Results folder, one folder a model.
        force: Whether what is finished is computed again.
        progress: Where the work is reported; by default nowhere.
        on_outcome: Called as each model ends.
        call: How the command was called; by default as this function was.

    Returns:
        An outcome a model; `files` has what is about all of them.

    Raises:
        SwaError: The only model failed, or the call makes no sense. Of several models, see `Outcomes.failures`.
    """
    options, windows, weights = options or InterventionOptions(), windows or WindowOptions(), weights or WeightOptions()
    load, text, progress = load or LoadOptions(), text or TextOptions(), progress or SilentProgress()
    neurons = neurons or NeuronOptions(seed=options.seed, top_tokens=options.top_tokens)
    search = search or replace(VOCAB_DETECTION, seed=options.seed, batch_size=options.batch_size)
    run = replace(VOCAB_RUN, results_dir=Path(results_dir).expanduser(), force=force)
    named = named_models(models, load, example="swa vocab demo --dataset builtin")
    groups: list[tuple[Options, Options]] = [
        (load, LoadOptions()),
        (text, TextOptions()),
        (weights, WeightOptions()),
        (neurons, NeuronOptions()),
        (options, InterventionOptions()),
        (windows, WindowOptions()),
        (search, VOCAB_DETECTION),
        (run, VOCAB_RUN),
    ]
    call = call or Call.of_python("vocab", named, groups)
    choices = VocabChoices.of(weights, neurons, options, windows)
    reader = text_reader(text)
    source = super_weight_source(weights, search, call, run, reader, n_models=len(named))
    results = ResultsFolder(run.results_dir)
    results.create()
    step = VocabStep(call, run.results_dir, force, choices, source, reader() if choices.super_weights else None)
    done = each_model(named, lambda one: execute(one, step), options=load, progress=progress, on_outcome=on_outcome)
    if not done.models:
        return done
    return replace(done, files=write_root(results, call, done.models, status=done.status, warn=progress.warn))
