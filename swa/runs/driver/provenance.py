"""Provenance of a run: its header, and the block it keeps in `run_config.json`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import MISSING, ValidationError

from swa.runs.driver.call import Call
from swa.runs.driver.keys import Facts, asks_the_same
from swa.schemas.run import RunHeader, Status
from swa.schemas.runs import RunConfig
from swa.store.atomic import write_text
from swa.store.tree import ModelFolder
from swa.versions import MAKE_NUMBERS, versions

if TYPE_CHECKING:
    from swa.models.loading.loaded import LoadedModel


def run_header(
    call: Call,
    loaded: LoadedModel,
    *,
    dataset_fingerprint: str | None,
    stamp: str | MISSING = MISSING,
) -> RunHeader:
    """The header of a run that begins now; without a stamp where no file has the run's time in its name."""
    return RunHeader(
        command=call.command,
        **_of_call(call),
        seed=int(str(call.options["seed"].value)),
        model=loaded.name,
        revision=loaded.revision,
        weights_fingerprint=loaded.fingerprint,
        dtype=str(loaded.dtype).removeprefix("torch."),
        device=str(loaded.device),
        versions=versions(),
        dataset_fingerprint=dataset_fingerprint,
        started=_now(),
        ended=None,
        status="started",
        stamp=stamp,
    )


def ended(header: RunHeader, status: Status) -> RunHeader:
    """The header of the same run at its end."""
    return header.model_copy(update={"ended": _now(), "status": status})


class RunBlock:
    """The run's block in `run_config.json` while the run goes on.

    Attributes:
        header: What stands there.
    """

    def __init__(self, path: Path, header: RunHeader, warn: Callable[[str], None]) -> None:
        self.header = header
        self._path, self._warn = path, warn

    def update(self, **changes: Any) -> None:
        """Change keys of the header and write it."""
        self.header = self.header.model_copy(update=changes)
        write_block(self._path, self.header, self._warn)


@contextmanager
def recorded(folder: ModelFolder, header: RunHeader, warn: Callable[[str], None]) -> Iterator[RunBlock]:
    """Keep the run's state in `run_config.json`: started, then complete, failed or interrupted.

    After a kill it stays at started.
    """
    block = RunBlock(folder.run_config, header, warn)
    block.update()
    status: Status = "failed"
    try:
        yield block
        status = "complete"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        block.update(ended=_now(), status=status)


def last_run(folder: ModelFolder, command: str) -> RunHeader | None:
    """The last run of a command in this folder, `None` where there was none or its block cannot be read."""
    return read_block(folder.run_config, command)


def made_otherwise(header: RunHeader) -> str:
    """What made a run, as part of a sentence, where that is not what makes numbers now; else nothing."""
    now = versions()
    others = [
        f"{name} {header.versions.get(name, 'unknown')}"
        for name in MAKE_NUMBERS
        if header.versions.get(name) != now[name]
    ]
    return f"made by {', '.join(others)}" if others else ""


def read_block(path: Path, command: str) -> RunHeader | None:
    """A command's block of a `run_config.json`, `None` where there is none or it cannot be read."""
    config = _saved(path)
    block = None if config is None else getattr(config, command)
    return block if isinstance(block, RunHeader) else None


def write_block(path: Path, header: RunHeader, warn: Callable[[str], None]) -> None:
    """Replace the command's own block of a `run_config.json`; those of other commands stay."""
    config = _saved(path)
    if config is None and path.exists():
        warn(f"'{path}' is not valid and is written anew.")
    config = (config or RunConfig()).model_copy(update={header.command: header})
    write_text(path, config.model_dump_json(indent=2) + "\n")


def settle(folder: ModelFolder, finished: RunHeader, warn: Callable[[str], None]) -> None:
    """Say in `run_config.json` that a run is complete, where it was killed between its record and its end."""
    block = last_run(folder, finished.command)
    if block is not None and block.status != "complete" and block.started == finished.started:
        write_block(folder.run_config, finished, warn)


def completed_by(header: RunHeader, call: Call, facts: Facts, *, dtype: str | None) -> RunHeader:
    """The header of a run that was killed behind its last record: the call that found all it asks for completes it.

    Args:
        header: Of the killed run; where that asked for something else, records are those of an earlier one.
        call: The call that finds them.
        facts: What their keys hold.
        dtype: Type of the weights, `None` where it is not known.
    """
    changes = _of_call(call)
    if not asks_the_same(header.options, call.options):
        changes |= {"seed": call.options["seed"].value, "windows": MISSING, "dtype": dtype or header.dtype}
        changes["dataset_fingerprint"] = facts.dataset_fingerprint
    return ended(header.model_copy(update=changes), "complete")


def _of_call(call: Call) -> dict[str, Any]:
    return {"command_line": ["swa", *call.words], "options": dict(sorted(call.options.items()))}


def header_of_call(call: Call, runs: Sequence[RunHeader], *, status: Status) -> RunHeader:
    """The header of a call: what its models have in common, and the names of what they have not.

    Args:
        call: How the command was called.
        runs: The headers of its models, at least one.
        status: How the call ended.
    """
    fingerprints = list(dict.fromkeys(run.weights_fingerprint for run in runs))  # one model has a run for each step
    several = len(fingerprints) > 1
    same_windows = all(run.windows == runs[0].windows for run in runs)
    return runs[0].model_copy(
        update={
            **_of_call(call),
            "model": ", ".join(run.model for run in runs),
            "revision": None if several else runs[0].revision,
            "weights_fingerprint": hashlib.sha256("".join(fingerprints).encode()).hexdigest()
            if several
            else fingerprints[0],
            "dtype": ", ".join(dict.fromkeys(run.dtype for run in runs)),
            "started": min(run.started for run in runs),
            "ended": max(run.ended or run.started for run in runs),
            "status": status,
            "windows": runs[0].windows if same_windows else MISSING,
            "configurations": MISSING,
            "named_by_module": MISSING,
            "notes": MISSING,
        }
    )


def _saved(path: Path) -> RunConfig | None:
    try:
        return RunConfig.model_validate_json(path.read_bytes())
    except (ValidationError, OSError):
        return None


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
