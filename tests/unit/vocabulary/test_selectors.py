"""Neurons by name: which one is meant, and what is said where none or several could be."""

from __future__ import annotations

import pytest

from swa.errors import UsageError
from swa.models.discovery.sites import SiteMap
from swa.store.vocab_names import neuron_stem, super_weight_stem
from swa.vocabulary.selectors import NeuronSelector, crowded_modules, unclear_modules
from tests.support.cards import cascade_result, neuron_card, site
from tests.support.records import super_weight

EXPERTS = [site(3, kind="expert", expert=number, module="model.layers.3.mlp.experts") for number in range(3)]
TWO = [site(5, module=f"model.layers.5.mlps.{number}.down_proj") for number in range(2)]
ADAPTED = [site(6, kind="aux", module="model.layers.6.adapter"), site(6)]
SITES = SiteMap((site(0), *EXPERTS, *TWO, *ADAPTED, site(9)), {"model.layers": 12}, 600)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0:7", site(0)),
        ("3:e2:42", EXPERTS[2]),
        ("model.layers.5.mlps.1.down_proj:7", TWO[1]),
        ("6:7", ADAPTED[1]),
        ("model.layers.6.adapter:7", ADAPTED[0]),
    ],
)
def test_what_is_meant(text, found):
    chosen = NeuronSelector.parse(text)
    neuron = chosen.find(SITES)
    assert neuron == (found, chosen.number)
    of_other = neuron_card(site(11), chosen.number)
    card = neuron_card(found, chosen.number)
    assert neuron.has_card([of_other, card])
    assert not neuron.has_card([of_other])
    surely = text != "6:7"  # without the model nobody knows which of two the number stands for
    assert chosen.is_in([of_other, card], unclear=unclear_modules(SITES)) == surely


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("12:7", "Layers with a down projection are 0 to 9"),
        ("9:1500", "neurons 0 to 1499"),
        ("3:7", "Layer 3 has experts 0 to 2: write 3:e0:7"),
        ("3:e3:7", "experts 0 to 2"),
        ("0:e1:7", "Layer 0 has no experts: write 0:7"),
        ("5:7", "--neurons model.layers.5.mlps.0.down_proj:7"),
        ("model.layers.6.mlp:7", "no down projection"),
    ],
)
def test_what_is_not_there_or_not_clear(text, says):
    with pytest.raises(UsageError) as error:
        NeuronSelector.parse(text).find(SITES)
    assert says in f"{error.value.message} {error.value.hint}"


def test_names_of_figures_hold_the_module_where_a_layer_has_several():
    neurons, super_weights = unclear_modules(SITES), crowded_modules(SITES)
    assert [neuron_stem(neuron_card(of, 7), neurons) for of in (EXPERTS[2], TWO[1], ADAPTED[1])] == [
        "3-e2-7",
        "5-7-model_layers_5_mlps_1_down_proj",
        "6-7-model_layers_6_mlp_down_proj",
    ]
    weight = super_weight(3, 4, layer=5, module=TWO[1].module)
    assert super_weight_stem(cascade_result(weight), super_weights) == (
        "mlp_out-L5-R3-C4-model_layers_5_mlps_1_down_proj"
    )
    assert super_weight_stem(cascade_result(super_weight(3, 4)), super_weights) == "mlp_out-L11-R3-C4"
