"""What a call of `swa vocab` asks for, of every model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swa.data.options import WindowOptions
from swa.runs.driver.call import Call
from swa.runs.driver.keys import record_key, values_of
from swa.runs.driver.model_run import ModelRun
from swa.runs.inputs.given_weights import NamedWeights
from swa.runs.inputs.saved_cards import CENSUS, NEURONS, PARTS, SUPER_WEIGHTS, SavedCards, neuron_of
from swa.runs.options import WeightOptions
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.run import Configuration
from swa.vocabulary.options import InterventionOptions, NeuronOptions
from swa.vocabulary.selectors import NeuronSelector, identity


@dataclass(frozen=True)
class VocabChoices:
    """The choices.

    Attributes:
        super_weights: Whether super weights are worked on.
        neurons: Named neurons.
        windows: How the text is cut.
        interventions: What is measured of super weights.
        cards: What the cards of neurons hold, and whether every neuron is counted.
    """

    super_weights: bool
    neurons: Sequence[NeuronSelector]
    windows: WindowOptions
    interventions: InterventionOptions
    cards: NeuronOptions

    @classmethod
    def of(
        cls,
        weights: WeightOptions,
        neurons: NeuronOptions,
        interventions: InterventionOptions,
        windows: WindowOptions,
        *,
        whole: bool = False,
    ) -> VocabChoices:
        """What the options ask for.

        Args:
            weights: Which super weights.
            neurons: Which neurons, and what their cards hold.
            interventions: What is measured of super weights.
            windows: How the text is cut.
            whole: Whether super weights are worked on even where neurons are named.
        """
        named = [NeuronSelector.parse(one) for one in dict.fromkeys(neurons.neurons)]
        wanted = whole or bool(weights.super_weights) or not (named or neurons.all_neurons)
        return cls(wanted, named, windows, interventions, neurons)

    @property
    def census(self) -> bool:
        """Whether every neuron is counted."""
        return self.cards.all_neurons

    @property
    def has_neuron_cards(self) -> bool:
        """Whether cards of neurons are written: of named ones, or of those of super weights."""
        return self.super_weights or bool(self.neurons)

    def are_met_by(self, saved: SavedCards, named: NamedWeights) -> bool:
        """Whether every card that is asked for is there, so far as can be said without the model."""
        unclear = saved.by_module.neurons
        return (
            saved.header is not None
            and (not self.super_weights or saved.super_weight_file.path.exists())
            and (not self.has_neuron_cards or saved.neuron_file.path.exists())
            and (not self.census or saved.folder.census.exists())
            and saved.holds(named.coordinates, named.candidates)
            and all(choice.is_in(saved.neurons, unclear=unclear) for choice in self.neurons)
        )

    def neurons_among(self, saved: SavedCards, super_weights: Sequence[SuperWeightCard]) -> list[NeuronCard]:
        """The cards of neurons that are asked for."""
        columns = set(map(neuron_of, super_weights))
        unclear = saved.by_module.neurons
        return [
            card
            for card in saved.neurons
            if identity(card) in columns or any(choice.is_in([card], unclear=unclear) for choice in self.neurons)
        ]

    def configurations(self, call: Call, run: ModelRun, *, dataset_fingerprint: str | None) -> dict[str, Configuration]:
        """The configurations of the files that are written."""
        written = {SUPER_WEIGHTS: self.super_weights, NEURONS: self.has_neuron_cards, CENSUS: self.census}
        return {
            name: record_key(
                PARTS[name],
                values_of(call.options),
                run.facts(dataset_fingerprint if name == SUPER_WEIGHTS else None),
            )
            for name, is_written in written.items()
            if is_written
        }
