"""Stand-ins for `swa vocab` and `swa cascade`: a model of one matrix, cards without a forward pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from pydantic import MISSING
from torch import nn

from swa.cascades.analysis import CascadeRecords
from swa.engine.ledger import Item, Round, item_key
from swa.errors import UnsupportedModelError
from swa.models.discovery.sites import Site, SiteMap
from swa.schemas.cards import CascadeBlock, NeuronCard, SuperWeightCard
from swa.schemas.cascade import CascadeResult
from swa.schemas.detection import SuperWeight
from swa.store.ledger import Answer
from swa.store.vocab_tree import VocabFolder
from swa.vocabulary.super_weight_cards import SuperWeightCards
from tests.unit.cli.evaluate_fakes import EvaluateMachinery

ROOT = Path("results/vocab-analysis")
FOLDER = VocabFolder(ROOT, "a--x")
ONE, TWO = "L11.mlp.down_proj[507,1229]", "L11.mlp.down_proj[10,20]"
NOTES: list[str] = []
"""What cards of neurons say."""
METRICS = ("loss", "entropy", "topk_margin", "stopword_mass", "logit_margin")
N_ROWS, N_COLS, N_LOGITS = 600, 1500, 40
N_LETTERS = 3000
"""Length of the fake text, in letters, which are its tokens."""


def configuration(command: str, path: Path = FOLDER.run_config) -> dict:
    """A command's block in a run_config.json."""
    return json.loads(path.read_text())[command]


def metrics(scale: float = 1.0) -> dict[str, float]:
    return dict(zip(METRICS, (scale, 0.5 * scale, -0.1 * scale, -0.02 * scale, -0.4 * scale), strict=True))


def interval(value: float, n_windows: int = 58) -> dict[str, float]:
    return {"mean": value, "ci_2.5": value - 0.2, "ci_97.5": value + 0.2, "n_windows": n_windows}


def shift(number: int, text: str, delta: float) -> dict:
    p = 0.1 / (number + 1)
    values = {"delta_p": delta, "delta_logp": 10 * delta, "p_baseline": p, "p_modified": p + delta}
    return {"id": number, "tok": text.replace(" ", "Ġ"), "str": text, **values}


def block(layers: Sequence[int] = (0, 10, 11)) -> CascadeBlock:
    values = [0.0 if layer < 11 else 0.1 * (layer - 10) for layer in layers]
    return CascadeBlock(
        layers=list(layers), delta_entropy=values, delta_margin=[-0.1 * value for value in values], kl=values
    )


def card(weight: SuperWeight, *, scale: float = 1.94, controls=((1, 2), (3, 4), (5, 6)), **fields) -> SuperWeightCard:
    values = {
        "model": weight.model,
        "tensor": {"mlp_out": "mlp_out", "expert": "expert_out"}.get(weight.site, "shared_expert_out"),
        "layer": weight.layer,
        "row": weight.row,
        "col": weight.col,
        "expert": weight.expert,
        "module": weight.module,
        "weight": weight.weight,
        "baselines": metrics(3.05),
        "deltas": metrics(scale),
        "controls": {
            "random_coord_delta": metrics(0.0011),
            "random_coord_std": metrics(0.0007),
            "random_coord_max": metrics(0.0021),
            "random_coords": list(controls),
            "neuron_zero_delta": metrics(1.1 * scale),
        },
        "token_shifts": {
            "up": [shift(1, " the", 0.02), shift(2, "\n", 0.01)],
            "down": [shift(3, " Apple", -0.03)],
            "total_variation": 0.21,
        },
    }
    return SuperWeightCard.model_validate(values | fields)


def neuron_card(site: Site, number: int, *, model: str = "fake/model", label: str = "prediction", **fields):
    moments = {"var": 2.34, "skew": 1.12, "kurt": 30.5}
    values = {
        "model": model,
        "layer": site.layer,
        "neuron": number,
        "expert": site.expert,
        "module": site.module,
        "moments": moments,
        "top_tokens_up": [{"id": 1, "tok": "Ġthe", "str": " the", "effect": 1.23}],
        "top_tokens_down": [{"id": 2, "tok": "=cmd()", "str": "=cmd()", "effect": -0.89}],
        "label": label,
        "percentiles": {"var": 99.1, "kurt": 97.0},
    }
    return NeuronCard.model_validate(values | ({"notes": NOTES} if NOTES else {}) | fields)


def cascade_result(weight: SuperWeight, layers: Sequence[int] = (0, 10, 11), **fields) -> CascadeResult:
    values = [float(layer) for layer in layers]
    names = ("delta_logit_margin", "residual_cosine", "residual_norm_ratio", "h_row_baseline", "h_row_removed")
    place = {name: getattr(weight, name) for name in ("model", "layer", "site", "expert", "row", "col", "module")}
    given = {"coordinate": weight.coordinate, "cascade": block(layers), **dict.fromkeys(names, values)}
    return CascadeResult(**(place | given | fields))


def site(layer: int, *, kind="mlp_out", expert=None, module=None, stack="model.layers", n_rows=N_ROWS, n_cols=N_COLS):
    return Site(
        layer=layer,
        stack=stack,
        kind=kind,
        expert=expert,
        module=module or f"{stack}.{layer}.mlp.down_proj",
        parameter="weight",
        d_model=n_rows,
        d_ff=n_cols,
        strides=(n_cols, 1),
        offset=0,
    )


SITE = site(11)


class Tokenizer:
    """A letter is a token; nothing stands in front."""

    model_max_length = 10**30

    def __init__(self, *, prefix: Sequence[int] = ()) -> None:
        self._prefix = list(prefix)

    def __call__(self, text, *, add_special_tokens=True, **_):
        return {"input_ids": [*(self._prefix if add_special_tokens else []), *(ord(letter) % 30 for letter in text)]}

    def __len__(self):
        return N_LOGITS


class _Config(SimpleNamespace):
    def get_text_config(self, decoder=True):
        return self

    def to_dict(self):
        return {"max_position_embeddings": self.max_position_embeddings}


class VocabMachinery(EvaluateMachinery):
    """What `swa vocab` and `swa cascade` call, replaced.

    Attributes:
        passes: One entry for each finished pass over the text: model, super weights, candidates, windows, options.
        cascades: One entry for each finished cascade.
        batches: Numbers of the items of passes and cascades that were computed; each has two.
        neurons: Module and column of each computed neuron card, in order.
        neuron_options: Choices of each call for cards.
        undefined: Modules for which vocabulary effects are not defined.
        parts: Numbers of the parts of the census that were computed.
        dies_in: `neurons`, `pass`, `census` or `cascade`: where the process is interrupted, once it has kept something.
        context_length: Of the model.
        text_length: Letters of the text.
        sites: Down projections of the model.
        controls: Control scalars of the next cards.
    """

    figures = (*EvaluateMachinery.figures, "intervention_deltas", "token_shifts", "cascade", "neuron_effects")

    def __init__(self) -> None:
        super().__init__()
        self.passes: list[SimpleNamespace] = []
        self.cascades: list[SimpleNamespace] = []
        self.neurons: list[tuple[str, int]] = []
        self.neuron_options: list = []
        self.undefined: list[str] = []
        self.parts: list[int] = []
        self.census_seeds: list[int] = []
        self.dies_in: str | None = None
        self.fails_in: dict[str, Exception] = {}
        self.context_length = 2048
        self.text_length = N_LETTERS
        self.tokenizer = Tokenizer()
        self.sites = SiteMap((SITE,), {"model.layers": 12}, N_ROWS)
        self.controls = ((1, 2), (3, 4), (5, 6))
        self.batches: list[int] = []
        head = nn.Linear(N_ROWS, N_LOGITS, bias=False)
        self.network.get_output_embeddings = lambda: head

    def fetch(self, reference, **details):
        found = super().fetch(reference, **details)
        found.folder = reference.name
        return found

    def load_model(self, checkpoint, **details):
        loaded = super().load_model(checkpoint, **details)
        loaded.sites, loaded.tokenizer, loaded.context_length = self.sites, self.tokenizer, self.context_length
        loaded.offloaded, loaded.device = False, torch.device("cpu")
        return loaded

    def read_tokenizer(self, _folder, *, trust_remote_code):
        self.order.append("tokenizer")
        return self.tokenizer

    def read_config(self, _folder, *, trust_remote_code):
        return _Config(max_position_embeddings=self.context_length)

    def load_text(self, dataset, *, data_dir=None):
        found = super().load_text(dataset, data_dir=data_dir)
        found.text = "abcdefghij" * (self.text_length // 10)
        return found

    def plan_super_weight_cards(self, loaded, super_weights, text, *, candidates, windows, options, progress):
        weights = [weight.coordinate for weight in super_weights]
        seen = SimpleNamespace(
            model=loaded.name,
            weights=weights,
            candidates=[weight.coordinate for weight in candidates],
            text=text.name,
            windows=windows,
            options=options,
        )

        def records():
            self.passes.append(seen)
            fields = {}
            if options.bootstrap:
                fields["bootstrap"] = {name: interval(1.9) for name in METRICS[:4]}
            if options.cascade:
                fields["cascade"] = block()
            cards = [
                card(
                    weight,
                    scale=1.94 / (number + 1),
                    controls=self.controls[: options.control_samples],
                    coordinate=weight.coordinate,
                    **({} if weight.moe is MISSING else {"moe": weight.moe}),
                    **fields,
                )
                for number, weight in enumerate(super_weights)
            ]
            return SuperWeightCards(cards, ["a note of the pass"])

        content = [loaded.name, weights, repr(windows), options.control_samples, options.cascade, options.seed]
        return self._work("pass", content, [lambda n=n: self.batches.append(n) for n in range(2)], records)

    def plan_cascade(self, loaded, super_weights, text, *, options, progress):
        weights = [weight.coordinate for weight in super_weights]
        layers = [options.layers.of(weight.layer, 12) for weight in super_weights]

        def records():
            self.cascades.append(SimpleNamespace(model=loaded.name, weights=weights, text=text.name, options=options))
            results = [cascade_result(weight, some) for weight, some in zip(super_weights, layers, strict=True)]
            return CascadeRecords(results, ["Layers run again."])

        content = [loaded.name, weights, repr(options)]
        return self._work("cascade", content, [lambda n=n: self.batches.append(n) for n in range(2)], records)

    def open_space(self, loaded):
        self.order.append("space")
        if "space" in self.fails_in:
            raise self.fails_in["space"]
        return SimpleNamespace(loaded=loaded)

    def without_effects(self, _space, neurons):
        return [module for module in self.undefined if any(module == neuron.site.module for neuron in neurons)]

    def plan_neuron_cards(self, space, neurons, *, options):
        self.neuron_options.append(options)

        def make(neuron):
            if neuron.site.module in self.undefined:
                raise UnsupportedModelError(f"Effects are not defined for {neuron.site.module}.")
            self.neurons.append((neuron.site.module, neuron.number))

        def records():
            return [neuron_card(neuron.site, neuron.number, model=space.loaded.name) for neuron in neurons]

        content = [space.loaded.name, [(neuron.site.module, neuron.number) for neuron in neurons], repr(options)]
        return self._work("neurons", content, [partial(make, neuron) for neuron in neurons], records)

    def plan_census(self, space, *, seed, progress):
        self.census_seeds.append(seed)
        sites = {n: one for n, one in enumerate(space.loaded.sites) if one.module not in self.undefined}

        def records():
            return [SimpleNamespace(columns=partial(_part, one)) for one in sites.values()]

        made = [partial(self.parts.append, number) for number in sites]
        return self._work("census", [space.loaded.name, seed], made, records)

    def replacements(self) -> dict[str, object]:
        return super().replacements() | {
            "swa.models.loading.tokenizer.read_tokenizer": self.read_tokenizer,
            "swa.models.loading.inspect.read_config": self.read_config,
            "swa.vocabulary.super_weight_cards.plan_super_weight_cards": self.plan_super_weight_cards,
            "swa.cascades.analysis.plan_cascade": self.plan_cascade,
            "swa.cli.vocab_neurons.open_space": self.open_space,
            "swa.cli.vocab_neurons.without_effects": self.without_effects,
            "swa.vocabulary.neurons.plan_neuron_cards": self.plan_neuron_cards,
            "swa.vocabulary.census.plan_census": self.plan_census,
        }

    def _work(self, place: str, content: list, makes: Sequence[Callable[[], None]], records: Callable[[], Any]):
        """A planned analysis: one item for each of `makes`."""

        def compute(number, make, _advance):
            if number:
                self._die_or_fail(place)
            make()
            return Answer()

        def rounds(_ledger):
            self.order.append(place)
            items = [
                Item(item_key(place, content=content, number=number), 1, partial(compute, number, make))
                for number, make in enumerate(makes)
            ]
            yield Round(place, items)

        def joined(_ledger):
            self._die_or_fail(place)
            return records()

        return SimpleNamespace(
            text="2 super weights, 10 variants and the intact model on 5 windows", rounds=rounds, records=joined
        )

    def _die_or_fail(self, place: str) -> None:
        if self.dies_in == place:
            raise KeyboardInterrupt
        if place in self.fails_in:
            raise self.fails_in[place]


def _part(one: Site) -> dict[str, list]:
    numbers = {f"{name}{suffix}": [1.5] * 2 for suffix in ("", "_cos") for name in ("var", "skew", "kurt")}
    place = {"layer": [one.layer] * 2, "expert": [one.expert] * 2, "neuron": [0, 1], "module": [one.module] * 2}
    return {**place, **numbers, "label": ["unclear", "partition"]}
