"""The cascade of one model, from its name to its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import MISSING

from swa.cli.cascade_files import CASCADE, CascadeShelf, chosen, figures_of, paths_of
from swa.cli.declare.invocation import Invocation
from swa.cli.header import RunBlock, completed_by, ended, recorded, run_header, write_block
from swa.cli.neuron_choice import crowded_modules
from swa.cli.pass_plan import PassPlan, plan_pass
from swa.cli.super_weights import Known, SuperWeightSource, Taken
from swa.cli.terminal.progress import TerminalProgress
from swa.cli.vocab_files import draw_missing, remove_figures
from swa.cli.window_plan import measure_text
from swa.cli.workplace import Workplace, at_work
from swa.errors import PartialFailureError
from swa.models.loading.options import LoadOptions
from swa.runs.driver import keys
from swa.runs.driver.configurations import check_configuration
from swa.runs.driver.keys import record_key, values_of
from swa.runs.options import RunOptions
from swa.schemas.cascade import CascadeResult
from swa.schemas.detection import SuperWeight
from swa.schemas.run import Configuration, NamedByModule, RunHeader
from swa.store.atomic import WriteError
from swa.store.passes import FilePassBook
from swa.store.vocab_tree import VocabFolder
from swa.text.words import counted

if TYPE_CHECKING:
    from swa.cascades.options import CascadeOptions
    from swa.data.sources import TextSource
    from swa.models.loading.loaded import LoadedModel


class Followed(NamedTuple):
    """A finished cascade.

    Attributes:
        folder: The model's folder.
        results: The records that were asked for.
        known: Where the super weights are from.
        header: The run that made them.
        files: Paths by name.
        is_new: Whether something was computed.
    """

    folder: Path
    results: Sequence[CascadeResult]
    known: Known
    header: RunHeader
    files: dict[str, str]
    is_new: bool


@dataclass(frozen=True)
class CascadeRun:
    """What all models of one call have in common.

    Attributes:
        call: How the command was called.
        load: How models are loaded.
        run: How the run goes.
        options: The choices of the cascade.
        source: Where super weights come from.
        text: The text.
        progress: Where the work is reported.
    """

    call: Invocation
    load: LoadOptions
    run: RunOptions
    options: CascadeOptions
    source: SuperWeightSource
    text: TextSource
    progress: TerminalProgress

    def analyse(self, name: str) -> Followed:
        """Follow the super weights of one model, go on with an interrupted run, or take the finished one.

        Raises:
            SwaError: The model, its super weights or the folder cannot be used, or a write failed.
        """
        results = self.run.results_dir
        with at_work(name, results, load=self.load, progress=self.progress, layout=VocabFolder) as place:
            folder = VocabFolder(results, place.folder.name)
            folder.create(folder.cascade_metrics, folder.super_weight_plots)
            shelf = CascadeShelf.open(folder, self.progress.warn)
            wanted = record_key(keys.CASCADE, values_of(self.call.options), place.facts(self.text.fingerprint))
            if shelf.results and not self.run.force:
                check_configuration(keys.CASCADE, shelf.file.path, wanted, shelf.configuration)
            known = self.source.known(place)
            if self.run.force or known is None or not shelf.holds(known.coordinates):
                return self._compute(place, shelf, known, wanted)
            place.log.discard()
            self.progress.say(f"{name} is finished already; --force follows again.")
            return self._finished(shelf, known)

    def _finished(self, shelf: CascadeShelf, known: Known) -> Followed:
        """Take what is there; figures that an interruption kept from being written are made from the records."""
        header = shelf.header
        assert header is not None, "without it nothing is finished"
        draw_missing(figures_of(shelf.folder, shelf.results, shelf.by_module), self.progress)
        if header.status != "complete":
            header = completed_by(header, self.call)
            write_block(shelf.folder.run_config, header, self.progress.warn)
        results = chosen(shelf.results, known.coordinates)
        files = {**paths_of(shelf.folder), **known.files}
        return Followed(shelf.folder.path, results, known, header, files, is_new=False)

    def _compute(self, place: Workplace, shelf: CascadeShelf, known: Known | None, wanted: Configuration) -> Followed:
        room = measure_text(place, self.text)
        for note in room.plan(self.options).notes:  # what makes no windows is refused here, before the model is loaded
            self.progress.warn(note)
        loaded = place.load()
        taken = self.source.take(place, loaded, known)
        plan = plan_pass(
            loaded,
            self.text,
            room=room,
            options=self.options,
            batch_size=self.options.batch_size,
            warn=self.progress.warn,
        )
        place.log.keep()
        with recorded(shelf.folder, self._header(loaded, shelf, plan), self.progress.warn) as block:
            results = self._write(loaded, shelf, taken, plan, wanted, block)
        return Followed(
            shelf.folder.path,
            chosen(results, [weight.coordinate for weight in taken.weights]),
            taken.known,
            block.header,
            {**paths_of(shelf.folder), **taken.files},
            is_new=True,
        )

    def _header(self, loaded: LoadedModel, shelf: CascadeShelf, plan: PassPlan) -> RunHeader:
        header = run_header(
            self.call, loaded, seed=int(str(self.call.options["seed"].value)), dataset_fingerprint=self.text.fingerprint
        )
        return header.model_copy(
            update={
                "windows": plan.effective,
                "notes": MISSING if shelf.header is None else shelf.header.notes,
                "configurations": {} if shelf.configuration is None else {CASCADE: shelf.configuration},
                "named_by_module": NamedByModule(neurons=[], super_weights=crowded_modules(loaded.sites)),
            }
        )

    def _write(
        self,
        loaded: LoadedModel,
        shelf: CascadeShelf,
        taken: Taken,
        plan: PassPlan,
        wanted: Configuration,
        block: RunBlock,
    ) -> list[CascadeResult]:
        """Follow what is missing, in one pass, and write the records and what follows from them."""
        kept = [] if self.run.force else list(shelf.results)
        there = {result.coordinate for result in kept}
        missing = [weight for weight in taken.weights if weight.coordinate not in there]
        book = FilePassBook(
            shelf.folder.cascade_pass,
            self._pass_key(loaded, missing, plan),
            warn=self.progress.warn,
            fresh=self.run.force,
        )
        by_module = block.header.named_by_module
        assert by_module is not MISSING, "it is in the header"
        try:
            notes: list[str] = []
            computed = self._follow(loaded, missing, plan, book, notes)
            earlier = [] if not kept or block.header.notes is MISSING else block.header.notes
            block.update(notes=list(dict.fromkeys([*earlier, *notes])))
            run = _of_record(block.header)
            results = [*kept, *(result.model_copy(update={"run": run}) for result in computed)]
            if self.run.force:  # records of another configuration must never stand under the new one
                remove_figures(figures_of(shelf.folder, shelf.results, shelf.by_module))
                shelf.file.replace([])
            # the card of `swa vocab` may have a figure of that name, and what is there is not drawn
            remove_figures(figures_of(shelf.folder, results[len(kept) :], by_module))
            block.update(configurations={CASCADE: wanted})
            shelf.file.replace(results)
            book.discard()
            draw_missing(figures_of(shelf.folder, results, by_module), self.progress)
        except WriteError as error:
            if not book.n_saved:
                raise
            message = f"What was finished is kept in '{shelf.folder.path}', but {error.message}"
            raise PartialFailureError(message, hint=error.hint) from error
        return results

    def _follow(
        self,
        loaded: LoadedModel,
        missing: Sequence[SuperWeight],
        plan: PassPlan,
        book: FilePassBook,
        notes: list[str],
    ) -> list[CascadeResult]:
        from swa.cascades.analysis import cascade

        if missing:
            self.progress.say(f"{loaded.name}: {counted(len(missing), 'super weight')} on {plan.text}.")
        return cascade(loaded, missing, self.text, options=self.options, book=book, progress=self.progress, notes=notes)

    def _pass_key(self, loaded: LoadedModel, missing: Sequence[SuperWeight], plan: PassPlan) -> str:
        from swa.engine.variants.interventions import ScaleEntries, Variant

        variants = []
        layers = []
        for weight in missing:
            site = loaded.sites.find(weight.coordinate)
            variants.append(Variant(weight.coordinate, (ScaleEntries(site, weight.row, weight.col),)))
            layers.append(self.options.layers.of(site.layer, loaded.sites.stacks[site.stack]))
        return plan.key(variants, read=f"layers {layers}")


def _of_record(header: RunHeader) -> RunHeader:
    """The header as it stands in each record: what is about files of the folder is left to `run_config.json`."""
    return ended(header, "complete").model_copy(update={"configurations": MISSING, "named_by_module": MISSING})
