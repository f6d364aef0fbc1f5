"""The evaluation of one model, from its name to its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import MISSING

from swa.cli.declare.invocation import Invocation
from swa.cli.evaluate_files import complete_evaluation, prepare, write_evaluation
from swa.cli.evaluate_plan import plan_text
from swa.cli.header import ended, last_run, recorded, run_header, settle
from swa.cli.super_weights import Known, SuperWeightSource, Taken
from swa.cli.terminal.progress import TerminalProgress
from swa.cli.workplace import Workplace, at_work, new_stamp
from swa.errors import PartialFailureError
from swa.evaluation.options import EvaluateOptions
from swa.models.loading.options import LoadOptions
from swa.runs.driver.keys import EVALUATION, asks_the_same, is_same_work, values_of
from swa.runs.options import RunOptions
from swa.schemas.evaluation import ModelAnalysis
from swa.store.answers import FileBook
from swa.store.atomic import WriteError
from swa.store.search import Found, first_that_fits
from swa.store.tree import ModelFolder

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.evaluation.analysis import Evaluation
    from swa.evaluation.harness.tasks import RequestedTask
    from swa.models.loading.loaded import LoadedModel


class Evaluated(NamedTuple):
    """A finished evaluation.

    Attributes:
        analysis: The record.
        folder: The model's folder.
        files: Paths by name.
    """

    analysis: ModelAnalysis
    folder: Path
    files: dict[str, str]


@dataclass(frozen=True)
class EvaluationRun:
    """What all models of one call have in common.

    Attributes:
        call: How the command was called.
        load: How models are loaded.
        run: How the run goes.
        options: The choices of the evaluation.
        source: Where super weights come from.
        text: Text for perplexity, `None` where it is skipped.
        tasks: Loads the tasks when they are first needed; none where accuracy is skipped.
        progress: Where the work is reported.
    """

    call: Invocation
    load: LoadOptions
    run: RunOptions
    options: EvaluateOptions
    source: SuperWeightSource
    text: TextSource | None
    tasks: Callable[[], Sequence[RequestedTask]]
    progress: TerminalProgress

    def evaluate(self, name: str) -> Evaluated:
        """Evaluate one model, go on with an interrupted evaluation, or take the finished one.

        Raises:
            SwaError: The model, its super weights, the tasks or the folder cannot be used, or a write failed.
        """
        with at_work(name, self.run.results_dir, load=self.load, progress=self.progress, stamp=self._stamp) as place:
            prepare(place.folder)
            known = self.source.known(place)
            finished = None if self.run.force or known is None else self._finished(place, known)
            if known is None or finished is None:
                return self._compute(place, known)
            place.log.discard()
            self.progress.say(f"{name} is finished already; --force evaluates again.")
            assert finished.result.run is not MISSING, "without it nothing is finished"
            settle(place.folder, finished.result.run, self.progress.warn)
            files = complete_evaluation(place.folder, finished.path, finished.result)
            return Evaluated(finished.result, place.folder.path, {**files, **known.files})

    def _stamp(self, folder: ModelFolder) -> str:
        """The TS of the unfinished run that this one goes on with, else a new one."""
        before = None if self.run.force else last_run(folder, self.call.command)
        if before is None or before.stamp is MISSING or before.status == "complete":
            return new_stamp(folder)
        if asks_the_same(before.options, self.call.options):
            return before.stamp
        return new_stamp(folder)

    def _finished(self, place: Workplace, known: Known) -> Found[ModelAnalysis] | None:
        search = first_that_fits(
            place.folder.analyses(),
            ModelAnalysis,
            lambda analysis: self._answers(place, known, analysis),
        )
        for path in search.unreadable:
            self.progress.warn(f"'{path}' is no valid analysis and is left aside.")
        return search.found

    def _answers(self, place: Workplace, known: Known, analysis: ModelAnalysis) -> bool:
        """Whether a saved analysis is what the call asks for."""
        run, weights = analysis.run, analysis.super_weights
        if run is MISSING or weights is MISSING or analysis.family is MISSING or run.status != "complete":
            return False
        if [weight.coordinate for weight in weights] != known.coordinates:
            return False
        return is_same_work(EVALUATION, run, values_of(self.call.options), place.facts(self._dataset_fingerprint))

    def _compute(self, place: Workplace, known: Known | None) -> Evaluated:
        tasks = self.tasks()
        loaded = place.load()
        taken = self.source.take(place, loaded, known)
        self.progress.say(plan_text(loaded.name, taken.weights, self.options, text=self.text, tasks=tasks))
        header = run_header(
            self.call,
            loaded,
            seed=self.options.seed,
            dataset_fingerprint=self._dataset_fingerprint,
            stamp=place.stamp,
        )
        place.log.keep()
        with recorded(place.folder, header, self.progress.warn):
            evaluation = self._evaluate(place, loaded, taken, tasks)
            analysis = evaluation.analysis.model_copy(
                update={
                    "run": ended(header, "complete"),
                    "family": str(loaded.model.config.model_type),
                    "n_layers": loaded.sites.n_layers,
                    "notes": list(evaluation.notes),
                }
            )
            files = write_evaluation(place.folder, place.stamp, analysis, evaluation.items)
        log = str(place.folder.log(place.stamp))
        return Evaluated(analysis, place.folder.path, {**files, **taken.files, "log": log})

    def _evaluate(
        self, place: Workplace, loaded: LoadedModel, taken: Taken, tasks: Sequence[RequestedTask]
    ) -> Evaluation:
        from swa.evaluation.analysis import evaluate

        book = FileBook(place.folder.units, warn=self.progress.warn, fresh=self.run.force)
        try:
            return evaluate(
                loaded,
                taken.weights,
                text=self.text,
                tasks=tasks,
                options=self.options,
                book=book,
                progress=self.progress,
            )
        except WriteError as error:
            if not book.n_appended:
                raise
            message = f"What was finished is kept in '{place.folder.units}', but {error.message}"
            raise PartialFailureError(message, hint=error.hint) from error

    @property
    def _dataset_fingerprint(self) -> str | None:
        return self.text.fingerprint if self.text else None
