"""The detection of one model, from its name to its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from swa.cli.command import Invocation
from swa.cli.detect_files import complete_detection, write_detection
from swa.cli.header import ended, recorded, run_header
from swa.cli.libraries import RunLog, run_log
from swa.cli.options import LoadOptions, RunOptions
from swa.cli.progress import TerminalProgress
from swa.cli.values import parse_size
from swa.schemas.detection import DetectionResult
from swa.schemas.run import RunHeader
from swa.store.detections import FoundDetection, find_detection
from swa.store.names import model_folder_name, timestamp
from swa.store.tree import ModelFolder

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.detection.options import DetectOptions
    from swa.models.load import Checkpoint

CHANGES_NUMBERS = frozenset(
    "screen screen_top spike_threshold max_iterations prompt no_confirm seed dtype max_memory batch_size".split()
)
"""Options on which the numbers of a detection depend, beside weights and text."""


class Detected(NamedTuple):
    """A finished detection.

    Attributes:
        result: The record.
        folder: The model's folder.
        files: Paths by name.
    """

    result: DetectionResult
    folder: Path
    files: dict[str, str]


@dataclass(frozen=True)
class DetectionRun:
    """What all models of one call have in common."""

    call: Invocation
    load: LoadOptions
    run: RunOptions
    options: DetectOptions
    text: TextSource | None
    progress: TerminalProgress

    def detect(self, name: str) -> Detected:
        """Detect in one model, or take the finished detection of the same weights, text and options.

        Raises:
            SwaError: The model or its folder cannot be used, or a write failed.
        """
        from swa.models.reference import parse_reference

        reference = parse_reference(name, revision=self.load.revision)
        folder = ModelFolder(self.run.results_dir, model_folder_name(reference.name, reference.path))
        folder.create()
        with folder.locked():
            stamp = timestamp(lambda taken: folder.detection(taken).exists() or folder.log(taken).exists())
            with run_log(folder.log(stamp)) as log:
                from swa.models.load import fetch

                checkpoint = fetch(
                    reference,
                    trust_remote_code=self.load.trust_remote_code,
                    cache_dir=self.load.cache_dir,
                    progress=self.progress,
                )
                finished = None if self.run.force else self._finished(folder, checkpoint.fingerprint)
                if finished is None:
                    return self._compute(checkpoint, folder, stamp, log)
                log.discard()
                self.progress.say(f"{name} is finished already; --force detects again.")
                files = complete_detection(folder, finished.path, finished.result)
                return Detected(finished.result, folder.path, files)

    def _finished(self, folder: ModelFolder, fingerprint: str) -> FoundDetection | None:
        search = find_detection(
            folder,
            weights_fingerprint=fingerprint,
            dataset_fingerprint=self.text.fingerprint if self.text else None,
            options={name: self.call.options[name].value for name in CHANGES_NUMBERS},
        )
        for path in search.unreadable:
            self.progress.warn(f"'{path}' is no valid detection record and is left aside.")
        return search.found

    def _compute(self, checkpoint: Checkpoint, folder: ModelFolder, stamp: str, log: RunLog) -> Detected:
        from swa.detection.analysis import detect
        from swa.models.load import load_model

        with self.progress.task(f"Loading {checkpoint.reference.name}", 1) as task:
            loaded = load_model(
                checkpoint,
                dtype=self.load.dtype,
                device=self.load.device,
                max_memory=parse_size(self.load.max_memory) if self.load.max_memory else None,
                trust_remote_code=self.load.trust_remote_code,
                cache_dir=self.load.cache_dir,
                progress=self.progress,
            )
            task.advance()
        header = run_header(
            self.call,
            loaded,
            seed=self.options.seed,
            dataset_fingerprint=self.text.fingerprint if self.text else None,
        )
        log.keep()
        with recorded(folder, header, self.progress.warn):
            result = detect(loaded, self.text, options=self.options, progress=self.progress)
            result = self._with_provenance(result, ended(header, "complete"))
            files = write_detection(folder, stamp, result)
        return Detected(result, folder.path, {**files, "log": str(folder.log(stamp))})

    def _with_provenance(self, result: DetectionResult, header: RunHeader) -> DetectionResult:
        origin = self.call.options["spike_threshold"].origin
        threshold = result.threshold.model_copy(update={"origin": origin})
        return result.model_copy(update={"threshold": threshold, "run": header})
