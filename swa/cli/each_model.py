"""Several models in one call: one after the other, the failure of one does not stop the others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from swa.cli.terminal.failures import say
from swa.errors import PartialFailureError, SwaError, UnavailableError, memory_errors_known

if TYPE_CHECKING:
    from swa.schemas.run import Status

Result = TypeVar("Result")


@dataclass(frozen=True)
class ModelsDone(Generic[Result]):
    """What became of the models of one call.

    Attributes:
        results: Of those that succeeded.
        failures: Name and kind of failure of the others; they have been reported.
    """

    results: list[Result]
    failures: list[tuple[str, type[SwaError]]]

    @property
    def status(self) -> Status:
        """Whether all succeeded."""
        return "partial" if self.failures else "complete"

    def raise_failures(self) -> None:
        """End the command with the right exit code.

        Raises:
            PartialFailureError: Some models failed.
            SwaError: All failed; the kind is that of the first.
        """
        if self.failures and self.results:
            failed = ", ".join(name for name, _ in self.failures)
            raise PartialFailureError(f"{failed} failed; the results of the other models are written.")
        if self.failures:
            raise self.failures[0][1](f"None of the {len(self.failures)} models could be analysed.")


def check_references(names: Sequence[str], *, revision: str | None) -> None:
    """Refuse wrong names before anything is loaded; one of several models that is not there fails in its turn.

    Raises:
        UsageError: A revision where there can be none, or two.
        UnavailableError: None of the models is there.
    """
    from swa.models.loading.reference import parse_reference

    missing: list[UnavailableError] = []
    for name in names:
        try:
            parse_reference(name, revision=revision)
        except UnavailableError as error:
            missing.append(error)
    if len(missing) == len(names):
        raise missing[0]


def each_model(
    names: Sequence[str], work: Callable[[str], Result], *, show: Callable[[Result], None]
) -> ModelsDone[Result]:
    """Work on each model and show its result at once; its memory is free before the next is loaded.

    Raises:
        SwaError: The only model failed.
    """
    results: list[Result] = []
    failures: list[tuple[str, type[SwaError]]] = []
    for name in names:
        try:
            with memory_errors_known():
                results.append(work(name))
        except SwaError as error:
            if len(names) == 1:
                raise
            say(f"{name}: {error.message}", error.hint)
            failures.append((name, type(error)))  # not the error: its traceback would keep the model in memory
        else:
            show(results[-1])
        _free_memory()
    return ModelsDone(results, failures)


def _free_memory() -> None:
    if "torch" in sys.modules:
        from swa.engine.variants.plan import release_memory

        release_memory()
