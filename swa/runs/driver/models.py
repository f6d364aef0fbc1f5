"""Several models in one call: one after the other, the failure of one does not stop the others."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from swa.errors import PartialFailureError, SwaError, UnavailableError, UsageError, memory_errors_known
from swa.models.loading.options import LoadOptions
from swa.progress import Progress, SilentProgress
from swa.runs.driver.log import LoggedProgress
from swa.runs.driver.model_run import ModelRun, open_run

if TYPE_CHECKING:
    from swa.models.loading.loaded import LoadedModel
    from swa.schemas.run import Status

    Model = str | os.PathLike[str] | LoadedModel
    Models = Model | Iterable[Model]
    """One model or several: names (hub id, folder, `.gguf` file, `demo`) or loaded models."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Failure:
    """A model, or a part of the call, that failed.

    Attributes:
        name: Which.
        kind: The kind of failure. Not the error itself: its traceback would keep the model in memory.
        message: What went wrong.
        hint: The way out.
    """

    name: str
    kind: type[SwaError]
    message: str
    hint: str


@dataclass(frozen=True)
class Outcomes(Generic[Result]):
    """What became of the models of one call.

    Attributes:
        models: Outcomes of those that succeeded, in their order.
        failures: The others.
        files: Paths of what is about all models, by name.
    """

    models: list[Result]
    failures: list[Failure] = field(default_factory=list)
    files: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """One outcome after the other, and what failed."""
        failed = [f"{failure.name} failed: {failure.message} {failure.hint}".rstrip() for failure in self.failures]
        return "\n\n".join([*map(str, self.models), *failed])

    @property
    def status(self) -> Status:
        """Whether all succeeded."""
        return "partial" if self.failures else "complete"

    def raise_failures(self) -> None:
        """Raise what failed.

        Raises:
            PartialFailureError: Some models failed.
            SwaError: All failed; the kind is that of the first.
        """
        if self.failures and self.models:
            failed = ", ".join(failure.name for failure in self.failures)
            raise PartialFailureError(f"{failed} failed; the results of the other models are written.")
        if self.failures:
            raise self.failures[0].kind(f"None of the {len(self.failures)} models could be analysed.")


def named_models(models: Models, options: LoadOptions, *, example: str) -> Sequence[str | LoadedModel]:
    """The models of a call, each once; wrong names are refused before anything is loaded.

    One of several models that is not there fails in its turn.

    Args:
        models: Names or loaded models.
        options: How they are loaded.
        example: A command line that names one.

    Raises:
        UsageError: No model, or a revision where there can be none, or two.
        UnavailableError: None of the models is there.
    """
    from swa.models.loading.reference import parse_reference

    listed = models if isinstance(models, Iterable) and not isinstance(models, str | os.PathLike) else [models]
    found: list[str | LoadedModel] = []
    for one in listed:
        model = os.fspath(one) if isinstance(one, os.PathLike) else one
        if not any(model is one or (isinstance(model, str) and model == one) for one in found):
            found.append(model)
    if not found:
        raise UsageError("No model is named.", hint=f"Write it first, or after --models: `{example}`.")
    missing: list[UnavailableError] = []
    for model in found:
        try:
            if isinstance(model, str):
                parse_reference(model, revision=options.revision)
        except UnavailableError as error:
            missing.append(error)
    if len(missing) == len(found):
        raise missing[0]
    return found


def each_model(
    models: Sequence[str | LoadedModel],
    work: Callable[[ModelRun], Result],
    *,
    options: LoadOptions,
    progress: Progress | None,
    on_outcome: Callable[[Result], None] | None,
) -> Outcomes[Result]:
    """Work on each model; its memory is free before the next is loaded.

    Args:
        models: Names or loaded models.
        work: What to do with one.
        options: How models are loaded.
        progress: Where the work is reported.
        on_outcome: Called as each model ends.

    Raises:
        SwaError: The only model failed.
    """
    progress = LoggedProgress(progress or SilentProgress())
    done: Outcomes[Result] = Outcomes([])
    for model in models:
        try:
            result = _one(model, work, options, progress)
        except SwaError as error:
            if len(models) == 1:
                raise
            name = model if isinstance(model, str) else model.name
            progress.fail(f"{name}: {error.message}", error.hint)
            done.failures.append(Failure(name, type(error), error.message, error.hint))
        else:
            done.models.append(result)
            if on_outcome is not None:
                on_outcome(result)
        _free_memory()
    return done


def _one(
    model: str | LoadedModel, work: Callable[[ModelRun], Result], options: LoadOptions, progress: Progress
) -> Result:
    """A function of its own, so that nothing holds the model when it returns."""
    with memory_errors_known(), open_run(model, options, progress) as run:
        return work(run)


def _free_memory() -> None:
    if "torch" in sys.modules:
        from swa.engine.variants.plan import release_memory

        release_memory()
