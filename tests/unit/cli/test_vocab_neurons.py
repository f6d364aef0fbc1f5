"""`swa vocab` for neurons: named ones, those of super weights, all of them; with the analyses replaced."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from swa.models.discovery.sites import SiteMap
from swa.store.vocab_tree import VocabFolder
from tests.unit.cli.vocab_fakes import site

FOLDER = VocabFolder(Path("results/vocab-analysis"), "fake--model")
BOTH = ("--super-weights", "L11.mlp.down_proj[507,1229]", "--super-weights", "L11.mlp.down_proj[10,20]")


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_alone_nothing_is_detected_and_no_text_is_read(swa, vocabulary):
    assert swa("detect", "fake/model").code == 0
    vocabulary.order.clear()
    called = swa("vocab", "fake/model", "--neurons", "11:7", "11:3")
    assert called.code == 0, called.err
    assert vocabulary.order == ["model", "space", "neurons"]
    assert vocabulary.neurons == [("model.layers.11.mlp.down_proj", 7), ("model.layers.11.mlp.down_proj", 3)]
    assert not FOLDER.super_weight_cards.exists()
    assert not FOLDER.super_weight_table.exists()
    assert json.loads(FOLDER.run_config.read_text())["vocab"]["dataset_fingerprint"] is None


def test_beside_super_weights_each_once(swa, vocabulary):
    assert swa("vocab", "fake/model", *BOTH, "--neurons", "11:20", "11:7", "11:7").code == 0
    assert [number for _, number in vocabulary.neurons] == [1229, 20, 7]


def test_of_experts_and_of_crowded_layers(swa, vocabulary):
    experts = [site(3, kind="expert", expert=e, module="model.layers.3.mlp.experts") for e in range(3)]
    two = [site(5, module=f"model.layers.5.mlps.{n}.down_proj") for n in range(2)]
    vocabulary.sites = SiteMap((*experts, *two), {"model.layers": 12}, 600)
    words = ("--neurons", "3:e2:42", "model.layers.5.mlps.1.down_proj:7")
    called = swa("vocab", "fake/model", *words)
    assert called.code == 0, called.err
    assert names_in(FOLDER.neuron_plots) == {
        "3-e2-42-effects.png",
        "5-7-model_layers_5_mlps_1_down_proj-effects.png",
    }
    assert "3:e2:42" in called.out
    assert "finished already" in swa("vocab", "fake/model", *words).err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("12:7", "Layers with a down projection are 0 to 9"),
        ("11:1500", "neurons 0 to 1499"),
        ("3:7", "Layer 3 has experts 0 to 2: write 3:e0:7"),
        ("3:e3:7", "experts 0 to 2"),
        ("0:e1:7", "Layer 0 has no experts: write 0:7"),
        ("5:7", "--neurons model.layers.5.mlps.0.down_proj:7"),
        ("model.layers.6.mlp:7", "no down projection"),
    ],
)
def test_out_of_range_is_said_after_loading(swa, vocabulary, text, says):
    experts = [site(3, kind="expert", expert=e, module="model.layers.3.mlp.experts") for e in range(3)]
    two = [site(5, module=f"model.layers.5.mlps.{n}.down_proj") for n in range(2)]
    last = site(9) if text.startswith("12") else site(11)
    vocabulary.sites = SiteMap((site(0), *experts, *two, last), {"model.layers": 12}, 600)
    called = swa("vocab", "fake/model", "--neurons", text)
    assert called.code == 2
    assert says in called.err
    assert vocabulary.neurons == []


def test_a_layers_own_projection_comes_before_adapters(swa, vocabulary):
    aux = site(4, kind="aux", module="model.layers.4.adapter")
    vocabulary.sites = SiteMap((aux, site(4)), {"model.layers": 12}, 600)
    assert swa("vocab", "fake/model", "--neurons", "4:7").code == 0
    assert vocabulary.neurons == [("model.layers.4.mlp.down_proj", 7)]
    assert names_in(FOLDER.neuron_plots) == {"4-7-model_layers_4_mlp_down_proj-effects.png"}
    assert swa("vocab", "fake/model", "--neurons", "4:7").code == 0
    assert len(vocabulary.neurons) == 1


def test_of_super_weights_where_effects_are_not_defined(swa, vocabulary):
    vocabulary.undefined = ["model.layers.11.mlp.down_proj"]
    called = swa("vocab", "fake/model", *BOTH)
    assert called.code == 0, called.err
    assert len(FOLDER.super_weight_cards.read_text().splitlines()) == 2
    assert FOLDER.neuron_cards.read_bytes() == b""
    assert "Note: Neurons of model.layers.11.mlp.down_proj write elsewhere" in called.out
    assert "finished already" in swa("vocab", "fake/model", *BOTH).err
    block = json.loads(FOLDER.run_config.read_text())["vocab"]
    assert block["without_effects"] == ["model.layers.11.mlp.down_proj"]


def test_named_ones_must_be_defined(swa, vocabulary):
    vocabulary.undefined = ["model.layers.11.mlp.down_proj"]
    assert swa("vocab", "fake/model", "--neurons", "11:7").code == 4
    assert swa("vocab", "fake/model", *BOTH, "--neurons", "11:1229").code == 4
    assert vocabulary.passes == []


def test_the_census_leaves_out_what_is_not_defined(swa, vocabulary):
    vocabulary.sites = SiteMap((site(4), site(5)), {"model.layers": 12}, 600)
    vocabulary.undefined = ["model.layers.4.mlp.down_proj"]
    assert swa("vocab", "fake/model", "--all-neurons").code == 0
    assert vocabulary.parts == [1]
    assert "finished already" in swa("vocab", "fake/model", "--all-neurons").err


def test_the_census(swa, vocabulary):
    vocabulary.sites = SiteMap((site(4), site(5)), {"model.layers": 12}, 600)
    called = swa("vocab", "fake/model", "--all-neurons")
    assert called.code == 0, called.err
    assert pq.read_table(FOLDER.census).column("layer").to_pylist() == [4, 4, 5, 5]
    assert f"census: {FOLDER.census}" in called.out
    assert "text" not in vocabulary.order
    assert names_in(FOLDER.neuron_metrics) == {"census.parquet"}
    assert "finished already" in swa("vocab", "fake/model", "--all-neurons").err
