"""The steps of the whole way for one model: detection, evaluation, vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from swa.cli.detect_run import Detected, DetectionRun
from swa.cli.evaluate_run import Evaluated, EvaluationRun
from swa.cli.loading import loaded_once
from swa.cli.tables import detect_show, evaluate_show, vocab_show
from swa.cli.terminal.failures import say
from swa.cli.terminal.output import Output
from swa.cli.vocab_finished import Analysed
from swa.cli.vocab_run import VocabRun
from swa.errors import SwaError, memory_errors_known
from swa.progress import Task


@dataclass
class StepsDone:
    """What became of one model.

    Attributes:
        name: The model as the user named it.
        detected: `None` where super weights were named.
        evaluated: `None` where the step failed.
        analysed: `None` where the step failed.
        failures: Name of the step and kind of failure; they have been reported.
    """

    name: str
    detected: Detected | None = None
    evaluated: Evaluated | None = None
    analysed: Analysed | None = None
    failures: list[tuple[str, type[SwaError]]] = field(default_factory=list)


@dataclass(frozen=True)
class WholeRun:
    """What all models of one call have in common.

    Attributes:
        detection: The first step, `None` where super weights are named.
        evaluation: The second.
        vocab: The third.
        output: Where results are shown.
        confirmed_only: Whether candidates are left out of what is shown.
    """

    detection: DetectionRun | None
    evaluation: EvaluationRun
    vocab: VocabRun
    output: Output
    confirmed_only: bool

    @property
    def n_steps(self) -> int:
        """Steps of one model."""
        return 2 if self.detection is None else 3

    def run(self, name: str, whole: Task) -> StepsDone:
        """Go the whole way with one model, loaded once; a step that fails does not stop those that need it not.

        Args:
            name: The model.
            whole: Advanced by each step.

        Raises:
            SwaError: Nothing could be done: the detection failed, or all steps did.
        """
        done = StepsDone(name)
        source = self.evaluation.source
        with loaded_once():
            if self.detection is not None:
                done.detected = self.detection.detect(name)
                source = replace(source, found=done.detected)
                with self.vocab.progress.hidden():
                    detect_show.show(done.detected, self.output, as_lines=False, confirmed_only=self.confirmed_only)
                whole.advance()
            with _going_on(done, "evaluate"):
                done.evaluated = replace(self.evaluation, source=source).evaluate(name)
                with self.vocab.progress.hidden():
                    evaluate_show.show(done.evaluated, self.output)
            whole.advance()
            with _going_on(done, "vocab"):
                done.analysed = replace(self.vocab, source=source).analyse(name)
                with self.vocab.progress.hidden():
                    vocab_show.show(done.analysed, self.output)
            whole.advance()
        if len(done.failures) == self.n_steps:
            raise done.failures[0][1](f"No step of {name} succeeded.")
        return done


@contextmanager
def _going_on(done: StepsDone, step: str) -> Iterator[None]:
    """Report the failure of a step, and go on."""
    try:
        with memory_errors_known():
            yield
    except SwaError as error:
        say(f"{done.name}, {step}: {error.message}", error.hint)
        done.failures.append((step, type(error)))
