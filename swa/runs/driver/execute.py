"""The one driver: find finished work, compute what is missing, keep it, write."""

from __future__ import annotations

from dataclasses import replace

from swa.errors import PartialFailureError
from swa.runs.driver.model_run import ModelRun
from swa.runs.driver.provenance import last_run, made_otherwise, recorded
from swa.runs.driver.step import Inputs, Outcome, Record, Result, Step
from swa.store.atomic import WriteError
from swa.store.ledger import FileLedger


def check(run: ModelRun, step: Step[Inputs, Result, Record]) -> None:
    """Refuse what lies in a step's folder and does not fit, before anything is computed.

    Raises:
        UsageError: Records of another configuration are there.
    """
    step.check(run, run.place(step.root, step.layout))


def execute(run: ModelRun, step: Step[Inputs, Result, Record]) -> Outcome[Record]:
    """Do a step for a model, go on with an interrupted one, or take the finished one.

    Raises:
        SwaError: The model, its folder or what the step needs cannot be used, or a write failed.
        PartialFailureError: A write failed after something was finished; the same call goes on from there.
    """
    from swa.engine.ledger import finish

    place = run.place(step.root, step.layout)
    is_outermost = place.log is None
    with place.logged(step.stamp(run, place)) as log:
        step.check(run, place)
        inputs = step.inputs(run, place)
        found = None if step.force else step.finished(run, place, inputs)
        if found is not None:
            if is_outermost:
                log.discard()
            made = made_otherwise(found.header)
            run.progress.say(f"{run.name} is finished already{made and f', {made}'}; --force {step.again}.")
            return found
        before = last_run(place.folder, step.command)
        if before is not None and before.status != "complete" and (made := made_otherwise(before)):
            run.progress.warn(f"The unfinished run of {run.name} was {made}; what it had finished is computed again.")
        plan = step.plan(run, place, inputs)
        log.keep()
        with recorded(place.folder, plan.header, run.progress.warn) as block:
            ledger = FileLedger(place.folder.ledger, warn=run.progress.warn, fresh=step.force)
            try:
                outcome = step.write(run, place, plan, finish(plan.work, ledger, run.progress), block)
            except WriteError as error:
                if not ledger.n_kept:
                    raise
                message = f"What was finished is kept in '{place.folder.ledger}', but {error.message}"
                raise PartialFailureError(message, hint=error.hint) from error
    # a record's header was written with it; where records hold none, it is the one in `run_config.json`
    return outcome if outcome.header.ended is not None else replace(outcome, header=block.header)
