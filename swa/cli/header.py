"""Provenance of a run: its header, and the block it keeps in the model's `run_config.json`."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from pydantic import ValidationError

from swa.cli.command import Invocation
from swa.schemas.run import RunHeader, Status
from swa.schemas.runs import RunConfig
from swa.store.atomic import write_text
from swa.store.tree import ModelFolder

if TYPE_CHECKING:
    from swa.models.loaded import LoadedModel

_PACKAGES = ("torch", "transformers", "accelerate", "datasets", "lm_eval")


def run_header(
    call: Invocation, loaded: LoadedModel, *, seed: int, dataset_fingerprint: str | None, stamp: str
) -> RunHeader:
    """The header of a run that begins now."""
    return RunHeader(
        command=call.command,
        command_line=["swa", *call.words],
        options=call.options,
        seed=seed,
        model=loaded.name,
        revision=loaded.revision,
        weights_fingerprint=loaded.fingerprint,
        dtype=str(loaded.dtype).removeprefix("torch."),
        device=str(loaded.device),
        versions=_versions(),
        dataset_fingerprint=dataset_fingerprint,
        started=_now(),
        ended=None,
        status="started",
        stamp=stamp,
    )


def ended(header: RunHeader, status: Status) -> RunHeader:
    """The header of the same run at its end."""
    return header.model_copy(update={"ended": _now(), "status": status})


@contextmanager
def recorded(folder: ModelFolder, header: RunHeader, warn: Callable[[str], None]) -> Iterator[None]:
    """Keep the run's state in `run_config.json`: started, then complete, failed or interrupted.

    After a kill it stays at started.
    """
    _write_block(folder, header, warn)
    status: Status = "failed"
    try:
        yield
        status = "complete"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        _write_block(folder, ended(header, status), warn)


def last_run(folder: ModelFolder, command: str) -> RunHeader | None:
    """The last run of a command in this folder, `None` where there was none or its block cannot be read."""
    config = _saved(folder)
    block = None if config is None else getattr(config, command)
    return block if isinstance(block, RunHeader) else None


def _write_block(folder: ModelFolder, header: RunHeader, warn: Callable[[str], None]) -> None:
    """Replace the command's own block; those of other commands stay."""
    config = _saved(folder)
    if config is None and folder.run_config.exists():
        warn(f"'{folder.run_config}' is not valid and is written anew.")
    config = (config or RunConfig()).model_copy(update={header.command: header})
    write_text(folder.run_config, config.model_dump_json(indent=2) + "\n")


def _saved(folder: ModelFolder) -> RunConfig | None:
    try:
        return RunConfig.model_validate_json(folder.run_config.read_bytes())
    except (ValidationError, OSError):
        return None


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _versions() -> dict[str, str]:
    """Versions of everything that changes numbers."""
    found = {"swa": version("super-weight-analysis"), "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
