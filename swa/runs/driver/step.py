"""What the driver knows of a step: what it needs, what it finds, what it computes, what it writes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from swa.runs.driver.call import Call
from swa.runs.driver.cards import Cards
from swa.runs.driver.model_run import ModelRun, Place
from swa.runs.driver.provenance import RunBlock
from swa.runs.inputs.given_weights import NO_WEIGHTS, NOTHING_RESOLVED, NamedWeights, ResolvedWeights
from swa.schemas.run import RunHeader
from swa.store.tree import ModelFolder
from swa.tables.shown import NOTHING_SHOWN, Shown, show

if TYPE_CHECKING:
    import pandas as pd

    from swa.engine.ledger import Work
    from swa.models.loading.loaded import LoadedModel

Inputs = TypeVar("Inputs")
Result = TypeVar("Result")
Record = TypeVar("Record")


@dataclass(frozen=True)
class Outcome(Generic[Record]):
    """What a step gave for one model.

    Attributes:
        record: What was found; of `vocab` and `cascade` all records that were asked for.
        header: The run that made it.
        folder: The model's folder.
        files: Paths by name.
        is_new: Whether something was computed.
        named: The super weights that were worked on; of a detection none.
    """

    record: Record
    header: RunHeader
    folder: Path
    files: dict[str, str]
    is_new: bool
    named: NamedWeights = NO_WEIGHTS

    @property
    def shown(self) -> Shown:
        """The tables of the record, as the command shows them."""
        record: Any = self.record.cards if isinstance(self.record, Cards) else self.record
        return show(record) if record else NOTHING_SHOWN

    def __str__(self) -> str:
        """The tables as text."""
        return str(self.shown)

    def _repr_html_(self) -> str:
        return self.shown._repr_html_()

    def to_frame(self) -> pd.DataFrame:
        """The record as a data frame, one row a unit, with the names of columns that files have."""
        return self.shown.to_frame()


@dataclass(frozen=True)
class Plan(Generic[Inputs, Result]):
    """A step that is ready to be computed.

    Attributes:
        inputs: What was there before the model was loaded.
        loaded: The model.
        work: The analysis.
        header: What the run's header says as it begins.
        resolved: The super weights that are worked on.
    """

    inputs: Inputs
    loaded: LoadedModel
    work: Work[Result]
    header: RunHeader
    resolved: ResolvedWeights = NOTHING_RESOLVED


class Step(ABC, Generic[Inputs, Result, Record]):
    """One command for one model; the same object serves all models of a call.

    Attributes:
        command: Name of the command.
        again: What `--force` does, as the end of a sentence.
        layout: Where the files of a model lie.
        call: How the command was called.
        root: The results folder.
        force: Whether finished work is computed again.
    """

    command: ClassVar[str]
    again: ClassVar[str]
    layout: ClassVar[type[ModelFolder]]
    call: Call
    root: Path
    force: bool

    def check(self, run: ModelRun, place: Place) -> None:
        """Refuse what lies in the folder and does not fit, before anything is computed.

        Raises:
            UsageError: Records of another configuration are there.
        """

    def stamp(self, run: ModelRun, place: Place) -> str:
        """TS in the names of the step's files; it may be that of the run that it continues."""
        return place.new_stamp()

    @abstractmethod
    def inputs(self, run: ModelRun, place: Place) -> Inputs:
        """What is needed to know whether the work is done: texts, records of other steps."""

    @abstractmethod
    def finished(self, run: ModelRun, place: Place, inputs: Inputs) -> Outcome[Record] | None:
        """Finished work under the keys of this call, with the files that it should have; `None` where there is none."""

    @abstractmethod
    def plan(self, run: ModelRun, place: Place, inputs: Inputs) -> Plan[Inputs, Result]:
        """Get everything that can be refused, load the model, and plan what is missing."""

    @abstractmethod
    def write(
        self, run: ModelRun, place: Place, plan: Plan[Inputs, Result], result: Result, block: RunBlock
    ) -> Outcome[Record]:
        """Write the records and what follows from them.

        Raises:
            WriteError: Something could not be written, and no record of this run is there.
            PartialFailureError: The records are there, something else is not.
        """
