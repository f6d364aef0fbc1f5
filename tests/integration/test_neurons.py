"""Effects of neurons against the models' own modules, against scipy, and against planted truths, on many families."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from swa.data.tokens import known_ids, text_ids
from swa.errors import UnsupportedModelError
from swa.models.loading.load import load_model
from swa.models.loading.weights import matrix_of
from swa.models.readout.unembedding import find_unembedding
from swa.progress import SilentProgress
from swa.vocabulary.options import NeuronOptions
from swa.vocabulary.space import vocabulary_space
from tests.support.at_once import census, neuron_cards
from tests.support.direct_effect import IDS, unexplained
from tests.support.neuron_formulas import FORMULAS, written_by
from tests.support.tiny_checkpoint import write_tiny_checkpoint
from tests.support.tiny_loaded import loaded_tiny
from tests.support.tiny_vocabulary import N_KNOWN, TEXT_IDS, fresh, speaking

WHOLE = NeuronOptions(top_tokens=5, cosine=True, enrichment=True)
DERIVATIVES = [
    *FORMULAS,
    *("afmoe", "bart", "beam", "cpmant", "dbrx", "deepseek_v3", "dory", "gemma4_text", "glm4", "gptj", "granite@mult"),
    *("hrm_text", "llama4_text", "minicpm3", "openai-gpt", "phimoe", "prophetnet", "qwen2_moe", "xlnet", "zaya"),
]
UNDEFINED = {
    "bert": "more than a norm and a linear map",
    "modernbert-decoder": "more than a norm and a linear map",
    "deepseek_v4": "several residual streams",
    "gemma3n_text": "several residual streams",
    "reformer": "several residual streams",
}


def site_of(loaded, layer=1):
    return next(site for site in loaded.sites if site.layer == layer)


@pytest.mark.parametrize("name", DERIVATIVES)
def test_effects_are_the_derivative_of_the_models_own_logits(name):
    loaded = fresh(name, torch.float64)
    unembedding = find_unembedding(loaded, ids=range(N_KNOWN), known=range(N_KNOWN))
    last = loaded.sites.sites[-1]
    direction = torch.randn(last.d_model, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    tested = 0
    for kind in dict.fromkeys(site.kind for site in loaded.sites):
        if name == "gemma4_text" and kind == "mlp_out":
            continue  # the block reads its MLP's output again for the extra one: there is more than the direct path
        of_kind = [site for site in loaded.sites if (site.stack, site.layer, site.kind) == (*last_place(last), kind)]
        for site in of_kind:
            found = unexplained(loaded, unembedding, site, direction)
            if found is not None:  # a token was routed to it
                share, factor = found
                assert share < 1e-6, (kind, share)
                assert factor > 0
                tested += 1
    assert tested


def last_place(site):
    return site.stack, site.layer


def test_experts_that_write_into_a_latent_space_are_led_out_of_it():
    loaded = fresh("nemotron_h@latent", torch.float64)
    unembedding = find_unembedding(loaded, ids=range(N_KNOWN), known=range(N_KNOWN))
    site = next(site for site in loaded.sites if site.kind == "expert")
    assert site.d_model == 32
    out = loaded.model.get_submodule(f"{site.stack}.{site.layer}.mixer.fc2_latent_proj").weight
    column = torch.randn(32, 1, dtype=torch.float64)
    assert torch.allclose(unembedding.branches.of(site).directions(column), out @ column)
    assert unembedding.directions(site, column).shape == (64, 1)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_card_holds_what_a_plain_computation_and_scipy_give(name):
    loaded = speaking(name)
    site = site_of(loaded)
    written = written_by(loaded.model, FORMULAS[name], 7, ids=TEXT_IDS, n_known=N_KNOWN)
    (card,) = neuron_cards(loaded, [(site, 7)], options=WHOLE)
    for found, values in ((card.moments, written.effects), (card.moments_cos, written.cosines)):
        assert found.var == pytest.approx(values.var(correction=0).item(), rel=1e-6)
        assert found.skew == pytest.approx(stats.skew(values.numpy()), rel=1e-6, abs=1e-9)
        assert found.kurt == pytest.approx(stats.kurtosis(values.numpy()), rel=1e-6, abs=1e-9)
    order = sorted(range(len(TEXT_IDS)), key=lambda place: -written.effects[place].item())
    assert [token.id for token in card.top_tokens_up] == [TEXT_IDS[place] for place in order[:5]]
    assert [token.id for token in card.top_tokens_down] == [TEXT_IDS[place] for place in order[:-6:-1]]
    assert card.top_tokens_up[0].effect == pytest.approx(written.effects.max().item(), rel=1e-6)
    assert card.top_tokens_down[0].effect == pytest.approx(written.effects.min().item(), rel=1e-6)
    assert (card.layer, card.neuron, card.expert, card.module) == (1, 7, site.expert, site.module)
    assert sum(card.histogram.counts) == len(TEXT_IDS)


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "mixtral"])
def test_moments_are_scipys_to_nine_digits(name):
    loaded = speaking(name)
    site = site_of(loaded)
    space = vocabulary_space(loaded)
    (card,) = neuron_cards(loaded, [(site, 3)], options=WHOLE, space=space)
    effects = space.effects(space.directions(site, [3], dtype=torch.float64))[0].numpy()
    assert card.moments.var == pytest.approx(effects.var(), rel=1e-9)
    assert card.moments.skew == pytest.approx(stats.skew(effects), rel=1e-9)
    assert card.moments.kurt == pytest.approx(stats.kurtosis(effects), rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "opt@post_norm", "nemotron", "mixtral"])
def test_half_precision_models_are_read_in_double_precision(name, dtype):
    loaded = speaking(name, dtype)
    written = written_by(loaded.model, FORMULAS[name], 7, ids=TEXT_IDS, n_known=N_KNOWN)
    (card,) = neuron_cards(loaded, [(site_of(loaded), 7)], options=WHOLE)
    assert card.moments.var == pytest.approx(written.effects.var(correction=0).item(), rel=1e-6)
    assert card.moments.kurt == pytest.approx(stats.kurtosis(written.effects.numpy()), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", ["llama", "gpt2", "olmo2", "gemma2", "mixtral", "phi"])
def test_a_neuron_that_writes_one_row_of_the_unembedding_predicts_that_token(name):
    loaded = fresh(name)
    site, token = site_of(loaded), TEXT_IDS[10]
    space = vocabulary_space(loaded)
    row = space.unembedding.rows(0, len(TEXT_IDS), dtype=torch.float64)[10]
    gain = space.unembedding.branches.of(site).directions(torch.ones(64, 1, dtype=torch.float64))[:, 0]
    for sign, label in ((1.0, "prediction"), (-1.0, "suppression")):
        with torch.no_grad():
            matrix_of(loaded.model, site)[:, 11] = sign * row / (gain if "gemma" in name or "olmo" in name else 1.0)
        (card,) = neuron_cards(loaded, [(site, 11)], options=WHOLE)
        strongest = card.top_tokens_up if sign > 0 else card.top_tokens_down
        assert strongest[0].id == token
        assert card.label == label
        assert card.percentiles.kurt > 95


@pytest.mark.parametrize("name", ["llama", "gpt2", "mixtral"])
def test_a_neuron_that_writes_towards_a_class_has_that_class_first(name):
    loaded = fresh(name)
    site = site_of(loaded)
    rows = vocabulary_space(loaded).unembedding.rows(0, len(TEXT_IDS), dtype=torch.float64)
    digits = [
        place for place, number in enumerate(TEXT_IDS) if loaded.tokenizer.convert_ids_to_tokens(number).isdigit()
    ]
    with torch.no_grad():
        matrix_of(loaded.model, site)[:, 11] = rows[digits].mean(dim=0)
    (card,) = neuron_cards(loaded, [(site, 11)], options=WHOLE)
    first = card.enrichment[0]
    assert first.class_ in ("digits", "digits_years")
    assert (first.n, first.mean_diff > 0) == (10, True)
    assert first.q < 1e-3
    assert all(text.strip().isdigit() for text in first.examples)
    assert [entry.score for entry in card.enrichment] == sorted((e.score for e in card.enrichment), reverse=True)


def test_padded_and_special_ids_appear_nowhere_and_padded_rows_change_nothing():
    loaded = fresh("llama")
    site = site_of(loaded)
    (before,) = neuron_cards(loaded, [(site, 2)], options=WHOLE)
    with torch.no_grad():
        loaded.model.lm_head.weight[N_KNOWN:] *= 1e4
    (padded,) = neuron_cards(loaded, [(site, 2)], options=WHOLE)
    assert padded == before
    with torch.no_grad():
        loaded.model.lm_head.weight[[0, 2]] = 1e3 * matrix_of(loaded.model, site)[:, 2]
    (special,) = neuron_cards(loaded, [(site, 2)], options=WHOLE)
    shown = {token.id for token in (*special.top_tokens_up, *special.top_tokens_down)}
    assert shown <= set(TEXT_IDS)
    assert special.moments.var == pytest.approx(before.moments.var, rel=1e-6)  # the mean row moved, no effect did


@pytest.mark.parametrize(("name", "tied"), [("llama", False), ("gpt2", True), ("gemma2", True)])
def test_the_unembedding_is_the_models_own_weight_and_no_copy(name, tied):
    loaded = speaking(name)
    model = loaded.model
    weight = vocabulary_space(loaded).unembedding.weight
    assert weight.data_ptr() == model.get_output_embeddings().weight.data_ptr()
    assert (weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()) is tied


@pytest.mark.parametrize("name", UNDEFINED)
def test_models_without_a_single_residual_stream_or_a_linear_head_are_refused(name):
    loaded = speaking(name)
    with pytest.raises(UnsupportedModelError, match=UNDEFINED[name]):
        neuron_cards(loaded, [(loaded.sites.sites[0], 0)])


@pytest.mark.parametrize(
    ("name", "reason"), [("zamba2", "does not reach the residual stream"), ("mllama", "does not run")]
)
def test_sites_beside_the_residual_stream_are_refused(name, reason):
    loaded = speaking(name)
    space = vocabulary_space(loaded)
    wrong = next(site for site in loaded.sites if not space.unembedding.supports(site))
    with pytest.raises(UnsupportedModelError, match=reason):
        neuron_cards(loaded, [(wrong, 0)], space=space)


NOTES = {
    "llama": [],
    "gpt2": [],
    "phi": ["bias of the unembedding"],
    "cohere": ["The scale 0.0625 of the logits"],
    "gemma2": ["softcap"],
    "minicpm3": ["multiplier 0.7 behind the MLP", "factor of 0.5 before the unembedding"],
    "mixtral": ["router's weight"],
    "bart": ["Norms or gates that act on the residual stream"],
    "rwkv": ["A gate behind the MLP"],
    "hrm_text": ["Norms or gates that act on the residual stream", "runs 6 times"],
}


@pytest.mark.parametrize("name", NOTES)
def test_what_is_left_out_is_said(name):
    loaded = speaking(name)
    notes = vocabulary_space(loaded).unembedding.notes(loaded.sites.sites[0])
    assert len(notes) == len(NOTES[name]), notes
    for note, words in zip(notes, NOTES[name], strict=True):
        assert words in note


def test_weights_that_stay_on_disk_give_the_same_cards(tmp_path):
    folder = tmp_path / "model"
    network = fresh("gemma2").model
    write_tiny_checkpoint(folder, model=network)
    resident = load_model(str(folder), dtype="float32")
    offloaded = load_model(str(folder), dtype="float32", max_memory=150_000, cache_dir=tmp_path / "cache")
    assert offloaded.offloaded
    places = [(0, 3), (1, 5), (3, 7)]
    cards = [
        [card.model_dump() for card in neuron_cards(loaded, [(site_of(loaded, layer), col) for layer, col in places])]
        for loaded in (resident, offloaded)
    ]
    assert cards[0] == cards[1]


class Warnings(SilentProgress):
    def __init__(self):
        self.texts = []

    def warn(self, message):
        self.texts.append(message)


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "mixtral"])
def test_the_census_agrees_with_the_cards(name):
    loaded = speaking(name)
    space = vocabulary_space(loaded)
    for found in census(loaded, space=space):
        cols = range(0, found.site.d_ff, 7)
        cards = neuron_cards(loaded, [(found.site, col) for col in cols], options=WHOLE, space=space)
        table = found.columns()
        assert {len(values) for values in table.values()} == {found.site.d_ff}
        for col, card in zip(cols, cards, strict=True):
            for suffix, moments in (("", card.moments), ("_cos", card.moments_cos)):
                assert table[f"var{suffix}"][col] == pytest.approx(moments.var, rel=1e-5)
                assert table[f"skew{suffix}"][col] == pytest.approx(moments.skew, rel=1e-4, abs=1e-4)
                assert table[f"kurt{suffix}"][col] == pytest.approx(moments.kurt, rel=1e-4, abs=1e-4)
            assert table["label"][col] == card.label
            place = tuple(table[key][col] for key in ("layer", "expert", "neuron", "module"))
            assert place == (card.layer, card.expert, card.neuron, card.module)


def test_a_census_goes_on_with_the_sites_that_are_left():
    loaded = speaking("mixtral")
    whole = {found.site: found for found in census(loaded)}
    assert list(whole) == list(loaded.sites.sites)
    rest = census(loaded, sites=loaded.sites.sites[5:7])
    assert [found.site for found in rest] == list(loaded.sites.sites[5:7])
    for found in rest:
        assert found.labels == whole[found.site].labels
        assert found.effects.kurt.tolist() == whole[found.site].effects.kurt.tolist()


def test_a_census_leaves_out_what_has_no_effects_and_says_so():
    loaded, progress = speaking("blt"), Warnings()
    done = [found.site.stack for found in census(loaded, progress=progress)]
    assert set(done) == {"model.local_encoder.layers", "model.local_decoder.layers"}
    assert progress.texts == [
        "8 of 16 down projections do not write into the residual stream that the unembedding reads; they are left out."
    ]


def test_two_runs_give_the_same_bytes():
    loaded = speaking("llama")
    places = [(site, 5) for site in loaded.sites]
    first, second = (
        [card.model_dump_json(by_alias=True) for card in neuron_cards(loaded, places, options=WHOLE)] for _ in range(2)
    )
    assert first == second


def test_the_weights_stay_as_they_are():
    loaded = loaded_tiny("llama")
    before = loaded.model(input_ids=IDS, use_cache=False).logits
    loaded = speaking("llama")
    state = {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}
    neuron_cards(loaded, [(loaded.sites.sites[0], 0)], options=WHOLE)
    assert all(torch.equal(state[name], tensor) for name, tensor in loaded.model.state_dict().items())
    assert torch.equal(loaded_tiny("llama").model(input_ids=IDS, use_cache=False).logits, before)


@pytest.mark.real_model
def test_neurons_of_the_demo_model(demo):
    space = vocabulary_space(demo)
    n_logits = demo.model.lm_head.weight.shape[0]
    ids = text_ids(demo.tokenizer, n_logits)
    assert len(known_ids(demo.tokenizer, n_logits)) - len(ids) == 17  # <|im_start|> and its like
    last = demo.sites.sites[-1]
    work, other = neuron_cards(demo, [(last, 7), (last, 8)], options=WHOLE, space=space)
    assert work.label == "prediction"
    assert [token.str_ for token in work.top_tokens_up[:3]] == [" work", "work", " works"]
    assert work.top_tokens_up[0].tok == "Ġwork"
    assert other.neuron == 8
    unembedding = demo.model.lm_head.weight.double() * demo.model.model.norm.weight.double()
    unembedding = unembedding - unembedding.mean(dim=0)
    effects = (unembedding @ matrix_of(demo.model, last)[:, 7].double())[ids].numpy()
    assert work.moments.var == pytest.approx(effects.var(), rel=1e-9)
    assert work.moments.skew == pytest.approx(stats.skew(effects), rel=1e-9)
    assert work.moments.kurt == pytest.approx(stats.kurtosis(effects), rel=1e-9)
    (found,) = census(demo, sites=[last], space=space)
    assert found.labels[7] == work.label
    assert found.cosines.kurt[7] == pytest.approx(work.moments_cos.kurt, abs=1e-4)
    assert found.labels.count("prediction") > 5
    names = {entry.class_ for entry in work.enrichment}
    assert {"digits", "function_words", "word_suffix"} <= names
    assert "years" not in names  # SmolLM2 splits digits
