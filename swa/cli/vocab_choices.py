"""What a call of `swa vocab` asks for, of every model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swa.cli.declare.invocation import Invocation
from swa.cli.neuron_choice import NeuronChoice
from swa.cli.vocab_shelf import CENSUS, NEURONS, PARTS, SUPER_WEIGHTS
from swa.cli.workplace import Workplace
from swa.runs.driver.keys import record_key, values_of
from swa.schemas.run import Configuration

if TYPE_CHECKING:
    from swa.data.options import WindowOptions
    from swa.vocabulary.options import NeuronOptions
from swa.vocabulary.options import InterventionOptions


@dataclass(frozen=True)
class VocabChoices:
    """The choices.

    Attributes:
        super_weights: Whether super weights are worked on.
        neurons: Named neurons.
        census: Whether every neuron is counted.
        windows: How the text is cut.
        interventions: What is measured of super weights.
        cards: What the cards of neurons hold.
    """

    super_weights: bool
    neurons: tuple[NeuronChoice, ...]
    census: bool
    windows: WindowOptions
    interventions: InterventionOptions
    cards: NeuronOptions

    @property
    def has_neuron_cards(self) -> bool:
        """Whether cards of neurons are written: of named ones, or of those of super weights."""
        return self.super_weights or bool(self.neurons)

    def configurations(
        self, call: Invocation, place: Workplace, *, dataset_fingerprint: str | None
    ) -> dict[str, Configuration]:
        """The configurations of the files that are written."""
        written = {SUPER_WEIGHTS: self.super_weights, NEURONS: self.has_neuron_cards, CENSUS: self.census}
        return {
            name: record_key(
                PARTS[name],
                values_of(call.options),
                place.facts(dataset_fingerprint if name == SUPER_WEIGHTS else None),
            )
            for name, is_written in written.items()
            if is_written
        }
