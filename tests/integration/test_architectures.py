"""Every type: the sites are listed and counted, a planted super weight is found, edits act and are undone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers

from swa.engine.capture.capture import capture
from swa.engine.capture.routing import recorded_routing, tokens_of
from swa.errors import UnsupportedModelError
from swa.models.discovery.discovery import discover_sites
from swa.models.discovery.sites import parameter_of
from swa.models.readout.norms import kind_of_norm
from swa.models.routing.layers import find_routed_layers
from tests.support.architectures import IDS, one_site_of_each_kind, plant
from tests.support.experts import experts_of
from tests.support.tiny_loaded import loaded_tiny
from tests.support.tiny_models import NO_MLP, NOT_BUILDABLE, all_types, analysable_types, build

ROOT = Path(__file__).parents[2]
COUNTS = json.loads((Path(__file__).parent / "sites.json").read_text())
UNKNOWN_NORMS = {"qwen4_exp", "qwen4_exp_text"}
KNOWN_NORMS = dict.fromkeys(["llama", "gemma", "gemma3_text", "qwen3_moe", "olmo2"], "RMSNorm")
KNOWN_NORMS |= dict.fromkeys(["gpt2", "opt", "bloom", "cohere", "olmo", "dbrx"], "LayerNorm")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _quiet():
    transformers.logging.set_verbosity_error()


def test_every_type_is_accounted_for():
    assert set(all_types()) == set(analysable_types()) | set(NOT_BUILDABLE) | NO_MLP
    assert set(COUNTS) == set(analysable_types())


@pytest.mark.parametrize("name", analysable_types())
def test_sites_are_complete_and_a_plant_is_found(name):
    loaded = loaded_tiny(name)
    assert [loaded.sites.text(site, 0, 0).split("[")[0] for site in loaded.sites] == COUNTS[name]
    sites = one_site_of_each_kind(loaded, seed=name)
    assert sites
    for site in sites:
        planted = plant(loaded, site)
        assert planted.found == planted.coordinate
        assert planted.is_largest
        assert planted.restored
        assert planted.acts or "patcher" in site.stack  # BLT's patcher only sets where patches begin


@pytest.mark.parametrize("name", analysable_types())
def test_the_kind_of_norm_is_measured(name):
    loaded = loaded_tiny(name)
    kind = kind_of_norm(loaded.model, loaded.sites.d_model)
    assert (kind is None) == (name in UNKNOWN_NORMS)
    assert kind == KNOWN_NORMS.get(name, kind)


@pytest.mark.parametrize("name", [name for name in COUNTS if any("expert" in site for site in COUNTS[name])])
def test_routing_is_read_where_it_passes(name):
    """Selections of every routed layer: the tokens of an expert are those whose rows it computes."""
    loaded = loaded_tiny(name)
    layers = find_routed_layers(loaded.model, loaded.sites.sites, IDS)
    assert {site for layer in layers for site in layer.experts} == set(experts_of(loaded))
    with recorded_routing(loaded.model, layers) as routing:
        seen = capture(loaded.model, loaded.sites.sites, IDS).sites
    for layer in layers:
        for site in layer.experts:
            rows = seen.get(site)
            used = set() if rows is None else set(rows.tokens[rows.x.any(dim=1)].tolist())
            assert used == {number % IDS.shape[1] for number in tokens_of(routing[layer], site.expert).tolist()}


@pytest.mark.parametrize("name", sorted(NO_MLP))
def test_a_model_without_mlp_is_refused(name):
    with pytest.raises(UnsupportedModelError, match="No MLP"):
        discover_sites(build(name))


@pytest.mark.parametrize("name", ["llama", "gpt2", "opt", "bloom", "phi", "gemma2", "gpt_neox"])
def test_columns_are_the_inputs_of_the_module(name):
    """By a plain hook and the module's own answer to unit vectors, whichever way round it stores its matrix."""
    loaded = loaded_tiny(name)
    site = loaded.sites.sites[1]
    module = loaded.model.get_submodule(site.module)
    seen = {}
    hook = module.register_forward_pre_hook(lambda _m, args: seen.update(x=args[0].detach().reshape(-1, site.d_ff)))
    with torch.no_grad():
        loaded.model(input_ids=IDS, use_cache=False)
    captured = capture(loaded.model, loaded.sites.sites, IDS).sites[site].x
    hook.remove()
    assert torch.equal(captured, seen["x"])
    weight = site.view(parameter_of(loaded.model, site).data)
    column = module(torch.eye(site.d_ff)) - module(torch.zeros(site.d_ff))
    torch.testing.assert_close(column.detach().T, weight, rtol=1e-4, atol=1e-6)


def test_the_page_agrees_with_the_facts():
    rows = (ROOT / "docs/architectures.md").read_text().splitlines()
    cells = {row.split(" | ")[0].removeprefix("| "): row.split(" | ") for row in rows if row.startswith("| ")}
    for name in analysable_types():
        assert int(cells[name][3]) == len(COUNTS[name])
        found, planted = cells[name][4].split("/")
        assert found == planted


def test_discovery_does_not_depend_on_names():
    """The same network with every module and parameter renamed gives the same matrices."""
    model = build("llama")
    expected = [parameter_of(model, site).data_ptr() for site in discover_sites(model)]
    for layer in model.model.layers:
        layer.mlp.zeta = layer.mlp.down_proj
        forward = layer.mlp

        def renamed(x, mlp=forward):
            return mlp.zeta(mlp.act_fn(mlp.gate_proj(x)) * mlp.up_proj(x))

        del layer.mlp.down_proj
        layer.mlp.forward = renamed
    found = discover_sites(model)
    assert [parameter_of(model, site).data_ptr() for site in found] == expected
    assert {site.inner for site in found} == {"mlp.zeta"}


def test_half_precision_and_gradients_change_nothing():
    expected = discover_sites(build("qwen3_moe")).sites
    for dtype in (torch.bfloat16, torch.float16):
        assert discover_sites(build("qwen3_moe").to(dtype)).sites == expected
