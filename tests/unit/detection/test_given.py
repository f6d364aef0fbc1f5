"""A mere coordinate becomes a record of what the model itself says."""

from __future__ import annotations

import pytest
import torch

from swa.detection.given import given_super_weight, is_of_model
from swa.errors import UsageError
from swa.schemas.coordinate import CoordinateText
from tests.support.tiny_loaded import loaded_tiny


def parse(text: str) -> CoordinateText:
    return CoordinateText.parse(text)


def test_a_dense_model():
    loaded = loaded_tiny("llama")
    weight = given_super_weight(loaded, parse("L1.mlp.down_proj[ 5, 7 ]"))
    assert weight.weight == float(loaded.model.model.layers[1].mlp.down_proj.weight[5, 7])
    assert (weight.model, weight.layer, weight.row, weight.col) == ("llama", 1, 5, 7)
    assert (weight.site, weight.expert) == ("mlp_out", None)
    assert weight.module == "model.layers.1.mlp.down_proj"
    assert weight.coordinate == "L1.mlp.down_proj[5,7]"
    assert (weight.prompts, weight.found_by, weight.published) == ([], [], False)
    assert "confirmation" not in weight.model_dump(mode="json")


@pytest.mark.parametrize("name", ["mixtral", "gpt2", "gpt_neo"])
def test_every_site_of_other_layouts(name):
    loaded = loaded_tiny(name)
    for site in loaded.sites:
        text = loaded.sites.text(site, 2, 3)
        weight = given_super_weight(loaded, parse(text))
        assert weight.coordinate == text
        assert (weight.expert, weight.module) == (site.expert, site.module)
        parameter = getattr(loaded.model.get_submodule(site.module), site.parameter)
        assert weight.weight == float(site.view(parameter)[2, 3])


@pytest.mark.parametrize("text", ["L99.mlp.down_proj[0,0]", "L1.mlp.up_proj[0,0]", "L1.mlp.down_proj[100000,0]"])
def test_what_the_model_lacks_is_a_usage_error(text):
    with pytest.raises(UsageError):
        given_super_weight(loaded_tiny("llama"), parse(text))


def test_a_record_of_the_same_weights_also_in_a_smaller_type():
    loaded = loaded_tiny("llama")
    weight = given_super_weight(loaded, parse("L1.mlp.down_proj[5,7]"))
    assert is_of_model(loaded, weight)
    rounded = float(torch.tensor(weight.weight).to(torch.bfloat16))
    assert is_of_model(loaded, weight.model_copy(update={"weight": rounded}))
    assert not is_of_model(loaded, weight.model_copy(update={"weight": weight.weight * 1.1}))
    assert not is_of_model(loaded, weight.model_copy(update={"weight": -weight.weight}))


def test_a_published_coordinate_is_marked(monkeypatch):
    monkeypatch.setattr(
        "swa.detection.given.is_published", lambda model, *, layer, row, col: (layer, row, col) == (1, 5, 7)
    )
    loaded = loaded_tiny("llama")
    assert given_super_weight(loaded, parse("L1.mlp.down_proj[5,7]")).published
    assert not given_super_weight(loaded, parse("L1.mlp.down_proj[5,8]")).published
