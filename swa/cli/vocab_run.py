"""The vocabulary analysis of one model, from its name to its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import MISSING

from swa.cli.declare.invocation import Invocation
from swa.cli.header import recorded, run_header
from swa.cli.neuron_choice import crowded_modules, unclear_modules
from swa.cli.pass_plan import PassPlan, plan_pass
from swa.cli.super_weights import Known, SuperWeightSource, Taken
from swa.cli.terminal.progress import TerminalProgress
from swa.cli.vocab_choices import VocabChoices
from swa.cli.vocab_files import paths_of, prepare, write_derived
from swa.cli.vocab_finished import Analysed, is_finished, take_finished
from swa.cli.vocab_shelf import Shelf
from swa.cli.vocab_work import VocabWork, cards_among, neurons_of
from swa.cli.window_plan import TextRoom, bootstrap_warning, measure_text
from swa.cli.workplace import Workplace, at_work
from swa.errors import PartialFailureError
from swa.models.loading.options import LoadOptions
from swa.reports.vocab_summary import model_summary
from swa.runs.options import RunOptions
from swa.schemas.run import Configuration, NamedByModule, RunHeader
from swa.store.atomic import WriteError
from swa.store.vocab_tree import VocabFolder

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.models.loading.loaded import LoadedModel

NOTHING_ASKED = Known((), "", {})
"""Where nothing is wanted of super weights."""


@dataclass(frozen=True)
class VocabRun:
    """What all models of one call have in common.

    Attributes:
        call: How the command was called.
        load: How models are loaded.
        run: How the run goes.
        choices: What is asked for.
        source: Where super weights come from.
        text: The text of the interventions, `None` where there are none.
        progress: Where the work is reported.
    """

    call: Invocation
    load: LoadOptions
    run: RunOptions
    choices: VocabChoices
    source: SuperWeightSource
    text: TextSource | None
    progress: TerminalProgress

    def analyse(self, name: str) -> Analysed:
        """Analyse one model, go on with an interrupted analysis, or take the finished one.

        Raises:
            SwaError: The model, its super weights or the folder cannot be used, or a write failed.
        """
        results = self.run.results_dir
        with at_work(name, results, load=self.load, progress=self.progress, layout=VocabFolder) as place:
            folder = VocabFolder(results, place.folder.name)
            prepare(folder)
            shelf = Shelf.open(folder, self.progress.warn)
            known = self.source.known(place) if self.choices.super_weights else NOTHING_ASKED
            if not self.run.force:
                shelf.check(self._configurations(place))
            if self.run.force or known is None or not is_finished(self.choices, shelf, known):
                return self._compute(place, shelf, known)
            place.log.discard()
            self.progress.say(f"{name} is finished already; --force analyses again.")
            return take_finished(self.choices, shelf, known, call=self.call, progress=self.progress)

    def _configurations(self, place: Workplace) -> dict[str, Configuration]:
        return self.choices.configurations(self.call, place, dataset_fingerprint=self._dataset_fingerprint)

    def _compute(self, place: Workplace, shelf: Shelf, known: Known | None) -> Analysed:
        room = self._room(place) if known is None or known.weights else None
        loaded = place.load()
        named = [choice.find(loaded.sites) for choice in self.choices.neurons]
        taken = Taken([], known) if known is NOTHING_ASKED else self.source.take(place, loaded, known)
        plan = None if room is None or not taken.weights else self._plan(loaded, room)
        of_super_weights = neurons_of(loaded, taken.weights)
        place.log.keep()
        with recorded(shelf.folder, self._header(loaded, shelf, plan), self.progress.warn) as block:
            wanted = self._configurations(place)
            work = VocabWork(loaded, shelf, self.choices, wanted, block, self.run.force, self.progress)
            try:
                if self.choices.has_neuron_cards:
                    # first, for neurons are quick to say that nothing is defined for a model
                    work.write_neurons(of_super_weights, named)
                self._work(work, taken, plan)
            except WriteError as error:
                if not work.n_kept:
                    raise
                message = f"What was finished is kept in '{shelf.folder.path}', but {error.message}"
                raise PartialFailureError(message, hint=error.hint) from error
        coordinates = {weight.coordinate for weight in taken.weights}
        return Analysed(
            shelf.folder.path,
            [card for card in work.super_weights if card.coordinate in coordinates],
            cards_among(work.neurons, [*of_super_weights, *named]),
            taken.known,
            model_summary(loaded.name, work.super_weights, work.neurons, threshold=taken.known.threshold),
            block.header,
            {**paths_of(shelf.folder), **taken.files},
            is_new=True,
        )

    def _work(self, work: VocabWork, taken: Taken, plan: PassPlan | None) -> None:
        """What takes longer than neurons, and what follows from all cards."""
        if self.choices.super_weights:
            work.write_interventions(taken, self.text, plan)
        if self.choices.census:
            work.write_census()
        by_module = work.block.header.named_by_module
        assert by_module is not MISSING, "it is in the header"
        write_derived(work.shelf.folder, work.super_weights, work.neurons, by_module, self.progress)

    def _room(self, place: Workplace) -> TextRoom:
        """Measure the text, and say or refuse what can be said before the model is loaded."""
        assert self.text is not None, "super weights are worked on with a text"
        room = measure_text(place, self.text)
        for note in room.plan(self.choices.windows).notes:
            self.progress.warn(note)
        warning = bootstrap_warning(room, self.choices.windows)
        if warning is not None and self.choices.interventions.bootstrap:
            self.progress.warn(warning)
        return room

    def _plan(self, loaded: LoadedModel, room: TextRoom) -> PassPlan:
        assert self.text is not None, "super weights are worked on with a text"
        return plan_pass(
            loaded,
            self.text,
            room=room,
            options=self.choices.windows,
            batch_size=self.choices.interventions.batch_size,
            warn=self.progress.warn,
        )

    def _header(self, loaded: LoadedModel, shelf: Shelf, plan: PassPlan | None) -> RunHeader:
        earlier = shelf.header
        sites = loaded.sites
        by_module = NamedByModule(neurons=unclear_modules(sites), super_weights=crowded_modules(sites))
        header = run_header(
            self.call, loaded, seed=self.choices.interventions.seed, dataset_fingerprint=self._dataset_fingerprint
        )
        return header.model_copy(
            update={
                "windows": plan.effective if plan else MISSING if earlier is None else earlier.windows,
                "notes": MISSING if earlier is None else earlier.notes,
                "without_effects": MISSING if earlier is None else earlier.without_effects,
                "configurations": shelf.configurations,
                "named_by_module": by_module,
            }
        )

    @property
    def _dataset_fingerprint(self) -> str | None:
        return None if self.text is None else self.text.fingerprint
