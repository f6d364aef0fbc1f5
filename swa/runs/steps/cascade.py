"""`swa cascade` for one model, from its name to its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import MISSING

from swa.cascades.options import CascadeOptions
from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.models.loading.options import LoadOptions
from swa.options import Options
from swa.progress import Progress, SilentProgress
from swa.runs.driver.call import Call
from swa.runs.driver.configurations import check_configuration
from swa.runs.driver.execute import execute
from swa.runs.driver.keys import CASCADE, record_key, values_of
from swa.runs.driver.model_run import ModelRun, Place
from swa.runs.driver.models import Outcomes, each_model, named_models
from swa.runs.driver.provenance import RunBlock, completed_by, ended, run_header, write_block
from swa.runs.driver.step import Outcome, Plan, Step
from swa.runs.files.cards import draw_missing, remove_figures
from swa.runs.files.cascades import NAME, SavedCascades, chosen, figures_of, paths_of
from swa.runs.files.root import write_call
from swa.runs.inputs.given_weights import NamedWeights
from swa.runs.inputs.super_weights import SuperWeightSource, super_weight_source
from swa.runs.inputs.text_budget import measure_text, warn_of_notes
from swa.runs.inputs.texts import text_reader
from swa.runs.options import VOCAB_RUN, WeightOptions
from swa.schemas.cascade import CascadeResult
from swa.schemas.run import Configuration, EffectiveWindows, NamedByModule, RunHeader
from swa.store.results import ResultsFolder
from swa.store.tree import ModelFolder
from swa.store.vocab_tree import VocabFolder
from swa.vocabulary.selectors import crowded_modules

if TYPE_CHECKING:
    from swa.cascades.analysis import CascadeRecords
    from swa.data.sources import TextSource
    from swa.models.loading.loaded import LoadedModel
    from swa.runs.driver.models import Models

Followed = Outcome[Sequence[CascadeResult]]


class Inputs(NamedTuple):
    """What is there before the model is loaded.

    Attributes:
        saved: What earlier runs left.
        named: The super weights, `None` where a detection has to find them.
    """

    saved: SavedCascades
    named: NamedWeights | None


@dataclass(frozen=True)
class CascadeStep(Step[Inputs, "CascadeRecords | None", Sequence[CascadeResult]]):
    """The cascades of one model.

    Attributes:
        options: The choices of the cascade.
        source: Where super weights come from.
        text: The text.
    """

    command: ClassVar[str] = "cascade"
    again: ClassVar[str] = "follows again"
    layout: ClassVar[type[ModelFolder]] = VocabFolder
    call: Call
    root: Path
    force: bool
    options: CascadeOptions
    source: SuperWeightSource
    text: TextSource

    def check(self, run: ModelRun, place: Place) -> None:
        """See `Step.check`."""
        saved = self._saved(run, place)
        if saved.results and not self.force:
            check_configuration(CASCADE, saved.file.path, self._configuration(run), saved.configuration)

    def inputs(self, run: ModelRun, place: Place) -> Inputs:
        """The saved records, and the super weights so far as they are known without a detection."""
        folder = VocabFolder(self.root, place.folder.name)
        folder.create(folder.cascade_metrics, folder.super_weight_plots)
        return Inputs(self._saved(run, place), self.source.known(run, place))

    def finished(self, run: ModelRun, place: Place, inputs: Inputs) -> Followed | None:
        """See `Step.finished`."""
        saved, named = inputs
        if named is None or not saved.holds(named.coordinates):
            return None
        header = saved.header
        assert header is not None, "without it nothing is finished"
        draw_missing(figures_of(saved.folder, saved.results, saved.by_module), run.progress)
        if header.status != "complete":
            header = completed_by(header, self.call, run.facts(self.text.fingerprint), dtype=run.dtype)
            write_block(saved.folder.run_config, header, run.progress.warn)
        files = {**paths_of(saved.folder), **named.files}
        results = chosen(saved.results, named.coordinates)
        return Followed(results, header, saved.folder.path, files, is_new=False, named=named)

    def plan(self, run: ModelRun, place: Place, inputs: Inputs) -> Plan[Inputs, CascadeRecords | None]:
        """See `Step.plan`."""
        from swa.cascades.analysis import plan_cascade
        from swa.engine.ledger import NoWork

        saved, named = inputs
        # what makes no windows is refused here, before the model is loaded
        budget = measure_text(run, self.text, self.options)
        loaded = run.load()
        resolved = self.source.resolve(run, named)
        there = set() if self.force else {result.coordinate for result in saved.results}
        missing = [weight for weight in resolved.weights if weight.coordinate not in there]
        if not missing:
            return Plan(inputs, loaded, NoWork(), self._header(loaded, saved, MISSING), resolved)
        work = plan_cascade(loaded, missing, self.text, options=self.options, progress=run.progress)
        warn_of_notes(run, budget, self.options, work.measured.windows.windows.notes)
        run.progress.say(f"{loaded.name}: {work.text}.")
        return Plan(inputs, loaded, work, self._header(loaded, saved, work.windows), resolved)

    def _header(self, loaded: LoadedModel, saved: SavedCascades, windows: EffectiveWindows | MISSING) -> RunHeader:
        header = run_header(self.call, loaded, dataset_fingerprint=self.text.fingerprint)
        return header.model_copy(
            update={
                "windows": windows,
                "notes": MISSING if saved.header is None else saved.header.notes,
                "configurations": {} if saved.configuration is None else {NAME: saved.configuration},
                "named_by_module": NamedByModule(neurons=[], super_weights=crowded_modules(loaded.sites)),
            }
        )

    def write(
        self,
        run: ModelRun,
        place: Place,
        plan: Plan[Inputs, CascadeRecords | None],
        result: CascadeRecords | None,
        block: RunBlock,
    ) -> Followed:
        """See `Step.write`."""
        saved = plan.inputs.saved
        kept = [] if self.force else list(saved.results)
        by_module = block.header.named_by_module
        assert by_module is not MISSING, "it is in the header"
        earlier = [] if not kept or block.header.notes is MISSING else block.header.notes
        block.update(notes=list(dict.fromkeys([*earlier, *(result.notes if result else [])])))
        header = _of_record(block.header)
        results = [*kept, *(one.model_copy(update={"run": header}) for one in (result.results if result else []))]
        if self.force:  # records of another configuration must never stand under the new one
            remove_figures(figures_of(saved.folder, saved.results, saved.by_module))
            saved.file.replace([])
        # the card of `swa vocab` may have a figure of that name, and what is there is not drawn
        remove_figures(figures_of(saved.folder, results[len(kept) :], by_module))
        block.update(configurations={NAME: self._configuration(run)})
        saved.file.replace(results)
        draw_missing(figures_of(saved.folder, results, by_module), run.progress)
        asked = chosen(results, [weight.coordinate for weight in plan.resolved.weights])
        files = {**paths_of(saved.folder), **plan.resolved.files}
        return Followed(asked, block.header, saved.folder.path, files, is_new=True, named=plan.resolved.named)

    def _saved(self, run: ModelRun, place: Place) -> SavedCascades:
        return SavedCascades.open(VocabFolder(self.root, place.folder.name), run.progress.warn)

    def _configuration(self, run: ModelRun) -> Configuration:
        return record_key(CASCADE, values_of(self.call.options), run.facts(self.text.fingerprint))


def _of_record(header: RunHeader) -> RunHeader:
    """The header as it stands in each record: what is about files of the folder is left to `run_config.json`."""
    return ended(header, "complete").model_copy(update={"configurations": MISSING, "named_by_module": MISSING})


def cascade(
    models: Models,
    options: CascadeOptions | None = None,
    *,
    weights: WeightOptions | None = None,
    search: DetectOptions | None = None,
    load: LoadOptions | None = None,
    text: TextOptions | None = None,
    results_dir: Path | str = VOCAB_RUN.results_dir,
    force: bool = False,
    progress: Progress | None = None,
    on_outcome: Callable[[Followed], None] | None = None,
    call: Call | None = None,
) -> Outcomes[Followed]:
    """Follow the removal of each super weight through the layers, as `swa cascade` does, with the same files.

    Args:
        models: Names (hub id, folder, `.gguf` file, `demo`) or loaded models.
        options: The choices of the cascade.
        weights: Which super weights; by default those of the newest detection that fits.
        search: How they are sought where there is none; by default with the batch size of `options`.
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
    options, weights = options or CascadeOptions(), weights or WeightOptions()
    load, text, progress = load or LoadOptions(), text or TextOptions(), progress or SilentProgress()
    search = search or DetectOptions(batch_size=options.batch_size)
    run = replace(VOCAB_RUN, results_dir=Path(results_dir).expanduser(), force=force)
    named = named_models(models, load, example="swa cascade demo --dataset builtin")
    groups: list[tuple[Options, Options]] = [
        (load, LoadOptions()),
        (text, TextOptions()),
        (weights, WeightOptions()),
        (options, CascadeOptions()),
        (search, DetectOptions()),
        (run, VOCAB_RUN),
    ]
    call = call or Call.of_python("cascade", named, groups)
    reader = text_reader(text)
    source = super_weight_source(weights, search, call, run, reader, n_models=len(named))
    results = ResultsFolder(run.results_dir)
    results.create()
    step = CascadeStep(call, run.results_dir, force, options, source, reader())
    done = each_model(named, lambda one: execute(one, step), options=load, progress=progress, on_outcome=on_outcome)
    if not done.models:
        return done
    headers = [outcome.header for outcome in done.models]
    is_new = any(outcome.is_new for outcome in done.models)
    files = write_call(results, call, headers, status=done.status, is_new=is_new, warn=progress.warn)
    return replace(done, files=files)
