"""`detect`: screen, confirm, report. The whole analysis, from a loaded model to one record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import MISSING
from torch import Tensor

from swa.data.sources import TextSource
from swa.data.windows import DetectionWindows, detection_windows
from swa.detection.activations import ExpertSearch
from swa.detection.confirm import Confirmed, confirm
from swa.detection.moe.causal import CausalScore
from swa.detection.moe.expert_findings import with_causes
from swa.detection.moe.experts import causal_meter, expert_search, has_experts
from swa.detection.options import DetectOptions
from swa.detection.result import detection_result
from swa.detection.screening import Screened, Screening
from swa.detection.suppression import spike_suppression
from swa.engine.ledger import Ledger, MemoryLedger, Reading, Round, Rounds, finish, outcome
from swa.engine.measures.losses import LossMeter
from swa.engine.variants.batch import automatic_batch_size
from swa.errors import UsageError
from swa.findings.order import badness
from swa.models.loading.loaded import LoadedModel
from swa.models.unit import Address
from swa.progress import Progress, SilentProgress
from swa.schemas.choices import Screen
from swa.schemas.coordinate import CoordinateText
from swa.schemas.detection import DetectionResult, SuperWeight


def detect(
    loaded: LoadedModel,
    text: TextSource | None,
    *,
    options: DetectOptions | None = None,
    progress: Progress | None = None,
    ledger: Ledger | None = None,
) -> DetectionResult:
    """Find the super weights of a model (docs/methods.md#spike-screen, and what follows there).

    Args:
        loaded: The model. Its weights are the same to the bit afterwards.
        text: Text for the gradient screen, the confirmation, and the routing and causal scores of experts; `None` only
            where none of them but the routing is wanted, which then is watched on the prompts.
        options: The choices; the defaults are those of the command line.
        progress: Where the work is reported.
        ledger: Where finished work is kept; by default it is forgotten.

    Raises:
        UsageError: The text is too short, or a text is needed and none is given.
        UnsupportedModelError: The model computes from copies of its weights.
    """
    progress = progress or SilentProgress()
    return finish(Detection(loaded, text, options or DetectOptions(), progress), ledger or MemoryLedger(), progress)


def prompt_ids(loaded: LoadedModel, prompt: str) -> Tensor:
    """Token ids `(1, n_tokens)` of a prompt, with the special tokens that the tokenizer itself adds.

    Raises:
        UsageError: The prompt has no token, or more than the model takes.
    """
    ids: Tensor = loaded.tokenizer(prompt, return_tensors="pt")["input_ids"]
    if ids.numel() == 0:
        raise UsageError("A --prompt is empty.", hint="Give a sentence; a few words are enough.")
    if ids.shape[1] > loaded.context_length:
        raise UsageError(f"A --prompt has {ids.shape[1]} tokens; the model takes {loaded.context_length}.")
    return ids.to(loaded.device)


class Detection:
    """A detection that has been planned: the screens as one item, then removals; see `swa.engine.ledger.Work`.

    Args:
        loaded: The model.
        text: See `detect`.
        options: The choices.
        progress: Where fallbacks, and the passes of the screens, are told.

    Raises:
        UsageError: The text is too short, or a text is needed and none is given.
    """

    def __init__(
        self, loaded: LoadedModel, text: TextSource | None, options: DetectOptions, progress: Progress
    ) -> None:
        self._loaded, self._options, self._progress = loaded, options, progress
        self._skipped = self._impossible_screens()
        screens: list[Screen] = [screen for screen in options.screens if screen not in self._skipped]
        for screen, reason in self._skipped.items():
            progress.warn(f"The {screen} screen is left out: {reason}")
        self._scores_causes = options.enable_causal_scoring and has_experts(loaded)
        measures = options.confirm or self._scores_causes
        windows = _windows(loaded, text) if measures or "gradient" in screens else None
        self._windows = windows
        self._batch_size = (options.batch_size or _batch_size(loaded, windows)) if measures and windows else None
        self._notes: list[str] = []
        prompts = [prompt_ids(loaded, prompt) for prompt in options.prompts]
        search: ExpertSearch | None = None
        if has_experts(loaded):
            search = expert_search(loaded, text, prompts, options=options, notes=self._notes)
        self._text = text if windows or search else None
        self._screening = Screening(loaded, options, screens, prompts, windows, search, progress)

    def rounds(self, ledger: Ledger) -> Iterator[Round]:
        """See `Work.rounds`."""
        return self._steps(ledger)

    def records(self, ledger: Ledger) -> DetectionResult:
        """See `Work.records`."""
        return outcome(self._steps(ledger))

    def _steps(self, ledger: Ledger) -> Rounds[DetectionResult]:
        """All rounds, and the record of what they found."""
        screens = self._screening.item
        yield Round("Looking for candidates", [screens])
        screened = Screened.of_answer(ledger.get(screens.key))
        weights = {_address(self._loaded, weight): weight for weight in screened.super_weights}
        notes, timings = list(self._notes), dict(screened.timings)
        confirmed: Confirmed | None = None
        if self._options.confirm:
            suppression, removals = Reading(ledger), Reading(ledger)
            confirmed = yield from self._confirm(
                dict(zip(weights, screened.shown_by, strict=True)), suppression, removals
            )
            notes += removals.notes
            timings["confirmation"] = round(suppression.seconds + removals.seconds, 3)
            for address, confirmation in confirmed.confirmations.items():
                weights[address] = weights[address].model_copy(update={"confirmation": confirmation})
        notes += screened.notes
        if self._scores_causes:
            reading = Reading(ledger)
            scores = yield from self._causal_scores(list(weights), reading)
            notes += reading.notes
            timings["causal_scoring"] = round(reading.seconds, 3)
            for address, score in scores.items():
                block = weights[address].moe
                assert block is not MISSING
                weights[address] = weights[address].model_copy(update={"moe": with_causes(block, score)})
        return detection_result(
            self._loaded,
            self._text,
            options=self._options,
            batch_size=self._batch_size,
            skipped=self._skipped,
            screened=screened,
            confirmed=confirmed,
            super_weights=_sorted(list(weights.values())) if confirmed else list(weights.values()),
            notes=list(dict.fromkeys(notes)),
            timings=timings,
        )

    def _confirm(self, shown_by: Mapping[Address, int], suppression: Ledger, removals: Ledger) -> Rounds[Confirmed]:
        assert self._windows is not None
        assert self._batch_size is not None
        ratios = yield from spike_suppression(self._loaded, shown_by, self._screening.texts, suppression)
        meter = LossMeter(
            self._loaded,
            batch_size=self._batch_size,
            n_prefix=self._windows.n_prefix,
            progress=self._progress,
            ledger=removals,
        )
        return (
            yield from confirm(
                self._loaded,
                list(shown_by),
                self._windows.confirmation,
                meter=meter,
                suppression=ratios,
                seed=self._options.seed,
            )
        )

    def _causal_scores(self, candidates: Sequence[Address], ledger: Ledger) -> Rounds[dict[Address, CausalScore]]:
        assert self._windows is not None
        assert self._batch_size is not None
        assert self._screening.search is not None
        addresses = [address for address in candidates if address.site.kind == "expert"]
        if not addresses:
            return {}
        meter = causal_meter(
            self._loaded,
            self._windows,
            layers=self._screening.search.layers,
            batch_size=self._batch_size,
            progress=self._progress,
            ledger=ledger,
        )
        return (yield from meter.measure(addresses))

    def _impossible_screens(self) -> dict[Screen, str]:
        if self._loaded.offloaded and "gradient" in self._options.screens:
            return {"gradient": "offloaded weights have no gradient; spikes alone are sought"}
        return {}


def _windows(loaded: LoadedModel, text: TextSource | None) -> DetectionWindows:
    if text is None:
        raise UsageError(
            "The gradient screen, the confirmation and causal scoring need a text.", hint="Name one with --dataset."
        )
    return detection_windows(loaded.tokenizer, text, context_length=loaded.context_length)


def _batch_size(loaded: LoadedModel, windows: DetectionWindows) -> int:
    return automatic_batch_size(
        loaded.sites,
        n_tokens=windows.confirmation.shape[1],
        vocabulary=loaded.model.get_output_embeddings().weight.shape[0],
        device=loaded.device,
    )


def _address(loaded: LoadedModel, weight: SuperWeight) -> Address:
    return Address(loaded.sites.find(CoordinateText.parse(weight.coordinate)), weight.row, weight.col)


def _sorted(records: Sequence[SuperWeight]) -> list[SuperWeight]:
    def key(record: SuperWeight) -> tuple[bool, float]:
        return badness(record.confirmation.delta_loss)  # type: ignore[union-attr]

    return sorted(records, key=key, reverse=True)
