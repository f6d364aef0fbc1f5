"""Interventions: temporary changes of a model. The engine runs variants that hold any, and knows only what stands here.

A new kind of intervention is a class: it says where it acts, and acts for the time of a context.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from pydantic import JsonValue
from torch import nn

from swa.engine.variants.ablation import Scaling, edited_by_recomputing, edited_in_place, recomputing
from swa.models.discovery.layers import layers_with
from swa.models.discovery.sites import parameter_of
from swa.models.loading.loaded import LoadedModel

Reach = frozenset[nn.Module] | None
"""Layers; see `Intervention.reach`."""


class Intervention(ABC):
    """A change of a model that is undone to the bit; hashable, because variants are keys."""

    @abstractmethod
    def reach(self, loaded: LoadedModel) -> Reach:
        """The layers that it acts in: layer calls before the first of them are those of the baseline.

        Empty where it acts behind all layers, `None` where it acts before them or one cannot say.
        """

    @abstractmethod
    def applied(self, loaded: LoadedModel) -> AbstractContextManager[None]:
        """Change the model for the time of a context.

        The output of a layer call that is answered from a recording stays as it was recorded, whatever hooks of this
        intervention say to it.
        """

    @property
    @abstractmethod
    def content(self) -> JsonValue:
        """What the key of an item holds of it: all that its effect depends on."""

    def under(self, loaded: LoadedModel) -> tuple[Intervention, ...]:
        """What both arms of a comparison need, so that they differ in this intervention alone; mostly nothing."""
        return ()

    def repeated(self) -> Intervention:
        """What stands for it in the further arms, once the first has run: mostly itself.

        An intervention that chooses by what it meets (forced routing) gives one that imposes the same choice.
        """
        return self

    def widened(self, loaded: LoadedModel) -> Intervention:
        """One with the same reach that has an effect where this one may have none, to check sharing; mostly itself."""
        return self


@dataclass(frozen=True)
class ScaleEntries(Scaling, Intervention):
    """Multiply a scalar, a row or a column of a down projection.

    In place, or by recomputing rows where weights are not resident; those rows are then recomputed in all arms.
    """

    def reach(self, loaded: LoadedModel) -> Reach:
        """See `Intervention.reach`."""
        return layers_with(loaded.model, parameter_of(loaded.model, self.site)) or None

    def applied(self, loaded: LoadedModel) -> AbstractContextManager[None]:
        """See `Intervention.applied`."""
        edited = edited_by_recomputing if loaded.offloaded else edited_in_place
        return edited(loaded.model, [self])

    @property
    def content(self) -> list[JsonValue]:
        """See `Intervention.content`."""
        site = self.site
        return ["scale", site.module, site.parameter, site.expert, self.row, self.col, self.factor]

    def under(self, loaded: LoadedModel) -> tuple[Intervention, ...]:
        """See `Intervention.under`: a row that is recomputed here must be recomputed there."""
        if not loaded.offloaded or self.row is None:
            return ()
        return (ScaleEntries(self.site, self.row, None, 1.0),)

    def widened(self, loaded: LoadedModel) -> Intervention:
        """See `Intervention.widened`: the whole row, but where the rows to recompute are fixed by the comparison."""
        if loaded.offloaded or self.row is None:
            return self
        return ScaleEntries(self.site, self.row, None, 0.0)


@dataclass(frozen=True)
class Variant:
    """A model under a set of interventions.

    Attributes:
        name: `baseline`, `sw_0`, `all`, `control`, …
        interventions: All of them act together.
        under: Interventions of both arms: the variant is compared with the baseline under the same ones.
    """

    name: str
    interventions: tuple[Intervention, ...] = ()
    under: tuple[Intervention, ...] = ()

    @property
    def content(self) -> dict[str, JsonValue]:
        """What the key of an item holds of it; its name changes nothing."""
        return {
            "interventions": [one.content for one in self.interventions],
            "under": [one.content for one in self.under],
        }

    def reach(self, loaded: LoadedModel) -> Reach:
        """The layers that its own interventions act in; see `Intervention.reach`."""
        found: frozenset[nn.Module] = frozenset()
        for one in self.interventions:
            reach = one.reach(loaded)
            if reach is None:
                return None
            found |= reach
        return found


BASELINE = Variant("baseline")
"""The intact model."""


@contextmanager
def applied(loaded: LoadedModel, interventions: Iterable[Intervention]) -> Iterator[None]:
    """Let interventions act together; each undoes what it did, the last one first."""
    with ExitStack() as stack:
        if loaded.offloaded:
            stack.enter_context(recomputing(loaded.model))  # also without any, so that experts run alike in all arms
        for one in interventions:
            stack.enter_context(one.applied(loaded))
        yield


def repeated(interventions: Iterable[Intervention]) -> tuple[Intervention, ...]:
    """What stands for interventions in further arms; see `Intervention.repeated`."""
    return tuple(one.repeated() for one in interventions)


def needed_under(loaded: LoadedModel, variants: Sequence[Variant]) -> tuple[Intervention, ...]:
    """What the baseline and all variants of a comparison need alike, each once; see `Intervention.under`."""
    needed = (one for variant in variants for own in variant.interventions for one in own.under(loaded))
    return tuple(dict.fromkeys(needed))
