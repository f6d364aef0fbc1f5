"""`evaluate`: what each super weight costs in perplexity and in task accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import MISSING

from swa.data.sources import TextSource
from swa.engine.ledger import Ledger, MemoryLedger, Round, finish
from swa.engine.packing.scorer import SequenceScorer
from swa.errors import UsageError
from swa.evaluation.accuracy import AskedTask
from swa.evaluation.harness.bridge import Encoder
from swa.evaluation.harness.tasks import RequestedTask
from swa.evaluation.options import EvaluateOptions
from swa.evaluation.perplexity import AskedTexts
from swa.evaluation.records import EvaluationRecords
from swa.evaluation.taskresults import TaskResults
from swa.evaluation.variants import INTACT, chunks_of, variants_of
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress, SilentProgress
from swa.schemas.detection import SuperWeight
from swa.schemas.evaluation import ItemRecord, ModelAnalysis


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


class EvaluationPlan:
    """An evaluation that has been planned for a loaded model: a `Work`.

    Args:
        loaded: The model. Its weights are the same to the bit afterwards.
        super_weights: What to edit; none measures the intact model alone.
        text: Text of the perplexity; `None` leaves it out.
        tasks: Tasks with their requests, from `load_tasks`; none leaves accuracy out.
        options: The choices.
        progress: Where is told what could not be done as asked.

    Raises:
        UsageError: A coordinate is not the model's, the text is too short, a task asks for more tokens than the
            model's context holds, or there is nothing to measure.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        super_weights: Sequence[SuperWeight],
        *,
        text: TextSource | None,
        tasks: Sequence[RequestedTask],
        options: EvaluateOptions,
        progress: Progress,
    ) -> None:
        if text is None and not tasks:
            raise UsageError("Neither a text nor a task is given: nothing to measure.")
        self._loaded, self._super_weights, self._options = loaded, super_weights, options
        self._alone, self._together = variants_of(
            loaded, super_weights, scales=options.scales, individual=options.individual, combined=options.combined
        )
        self._variants = [INTACT, *self._alone, *self._together]
        chunks = chunks_of(loaded, self._alone, self._together)
        edited = [variant for chunk in chunks for variant in chunk if variant is not INTACT.variant]
        self._scorer = SequenceScorer(loaded, edited, options.batch_size, progress)
        self._text = None if text is None else AskedTexts(self._scorer, text, options, chunks)
        self._tasks: list[AskedTask] = []
        if tasks:
            encoder = Encoder(loaded, batch_size=1)
            self._tasks = [AskedTask(self._scorer, encoder, task, chunks, seed=options.seed) for task in tasks]

    def rounds(self, ledger: Ledger) -> Iterator[Round]:
        """The perplexity, then each task."""
        if self._text is not None:
            yield Round("Perplexity", self._text.items(ledger))
            self._scorer.forget()
        for task in self._tasks:
            yield Round(task.requested.name, task.items(ledger))
            self._scorer.forget()

    def records(self, ledger: Ledger) -> Evaluation:
        """What follows from the answers.

        Raises:
            UnsupportedModelError: The model computes from copies of its weights.
        """
        measured = None if self._text is None else self._text.measured(ledger, self._variants)
        notes = [] if measured is None else measured.notes
        results = []
        for task in self._tasks:
            answered = task.answers(ledger, self._variants)
            results.append(TaskResults.of(task.requested, answered.by_name))
            notes = [*notes, *answered.notes]
        records = EvaluationRecords(self._loaded, measured, results, self._options.seed)
        analysis = ModelAnalysis.model_validate(
            {
                "model": self._loaded.name,
                "batch_tokens": self._scorer.token_limit if self._options.batch_size is None else MISSING,
                "super_weights": list(self._super_weights),
                "baseline": records.baseline(),
                "individual": [records.impact(variant) for variant in self._alone],
                "combined": [records.impact(variant) for variant in self._together],
            }
        )
        items = {one.requested.name: {v.name: one.items(v.name) for v in self._variants} for one in results}
        return Evaluation(analysis, items, tuple(dict.fromkeys(notes)))


def evaluate(
    loaded: LoadedModel,
    super_weights: Sequence[SuperWeight],
    *,
    text: TextSource | None = None,
    tasks: Sequence[RequestedTask] = (),
    options: EvaluateOptions | None = None,
    progress: Progress | None = None,
    ledger: Ledger | None = None,
) -> Evaluation:
    """Measure the intact model, each super weight alone and all together (docs/methods.md#evaluation).

    Args:
        loaded: The model. Its weights are the same to the bit afterwards.
        super_weights: What to edit; none measures the intact model alone.
        text: Text of the perplexity; `None` leaves it out.
        tasks: Tasks with their requests, from `load_tasks`; none leaves accuracy out.
        options: The choices; the defaults are those of the command line.
        progress: Where the work is reported.
        ledger: Where finished items are kept, so that an interrupted evaluation goes on; by default as long as the
            call.

    Raises:
        UsageError: A coordinate is not the model's, the text is too short, or there is nothing to measure.
        UnsupportedModelError: The model computes from copies of its weights.
        OutOfMemoryError: A single text does not fit into memory.
    """
    progress = progress or SilentProgress()
    plan = EvaluationPlan(
        loaded, super_weights, text=text, tasks=tasks, options=options or EvaluateOptions(), progress=progress
    )
    return finish(plan, MemoryLedger() if ledger is None else ledger, progress)
