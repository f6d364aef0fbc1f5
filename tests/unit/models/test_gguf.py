"""GGUF files are unpacked once, whole or not at all, with the tokenizer that the model was trained with."""

from __future__ import annotations

import gguf
import pytest
import torch

from swa.errors import UnavailableError, UsageError
from swa.models.loading import gguf as module
from swa.models.loading.load import load_model
from tests.support.tiny_gguf import write_tiny_gguf


@pytest.mark.parametrize(("pre", "tokens"), [("smollm", ["1", "9", "9", "9"]), ("gpt-2", ["1999"])])
def test_digits_are_split_where_the_file_says_so(tmp_path, pre, tokens):
    loaded = load_model(str(write_tiny_gguf(tmp_path / "x.gguf", pre=pre)), cache_dir=tmp_path / "cache")
    assert loaded.tokenizer.tokenize("in 1999") == ["i", "n", "Ġ", *tokens]


def test_weights_are_those_of_the_file(tmp_path):
    path = write_tiny_gguf(tmp_path / "x.gguf")
    loaded = load_model(str(path), cache_dir=tmp_path / "cache")
    stored = {tensor.name: torch.tensor(tensor.data) for tensor in gguf.GGUFReader(path).tensors}
    assert (loaded.dtype, loaded.context_length, len(loaded.sites)) == (torch.float32, 64, 2)
    assert torch.equal(loaded.model.model.layers[1].mlp.down_proj.weight, stored["blk.1.ffn_down.weight"])
    assert loaded.name == str(path)


def test_a_file_is_unpacked_once_and_known_by_its_content(tmp_path, monkeypatch):
    path, cache = write_tiny_gguf(tmp_path / "x.gguf"), tmp_path / "cache"
    first = load_model(str(path), cache_dir=cache)
    monkeypatch.setattr(module, "_read", lambda _: pytest.fail("unpacked again"))
    moved = path.rename(tmp_path / "y.gguf")
    assert load_model(str(moved), cache_dir=cache).fingerprint == first.fingerprint


def test_what_a_killed_run_left_is_replaced(tmp_path):
    path, cache = write_tiny_gguf(tmp_path / "x.gguf"), tmp_path / "cache"
    name = f"gguf-{module._sha256(path)[:32]}"
    half = cache / f"{name}.unfinished"
    half.mkdir(parents=True)
    (half / "config.json").write_text("{")
    assert len(load_model(str(path), cache_dir=cache).sites) == 2
    assert {entry.name for entry in cache.iterdir()} == {name, f"{name}.lock"}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch, error):
    from transformers import LlamaForCausalLM

    def fails(_self, folder, **_kwargs):
        folder.mkdir()
        (folder / "config.json").write_text("{")
        raise error

    path, cache = write_tiny_gguf(tmp_path / "x.gguf"), tmp_path / "cache"
    monkeypatch.setattr(LlamaForCausalLM, "save_pretrained", fails)
    with pytest.raises((UsageError, KeyboardInterrupt)) as caught:
        load_model(str(path), cache_dir=cache)
    assert isinstance(caught.value, KeyboardInterrupt) or "No space left" in caught.value.message
    assert not [entry for entry in cache.iterdir() if entry.is_dir()]


def test_layers_that_the_file_lacks_are_not_invented(tmp_path):
    path = write_tiny_gguf(tmp_path / "x.gguf", n_stated=3)
    with pytest.raises(UnavailableError, match=r"lacks \d+ weights, model.layers.2"):
        load_model(str(path), cache_dir=tmp_path / "cache")


@pytest.mark.parametrize("part", [0, 0.01, 0.1, 0.5, 0.99])
def test_a_file_that_is_cut_off(tmp_path, part):
    path = write_tiny_gguf(tmp_path / "x.gguf")
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(UnavailableError, match="not a whole GGUF"):
        load_model(str(path), cache_dir=tmp_path / "cache")


def test_another_architecture(tmp_path):
    path = write_tiny_gguf(tmp_path / "x.gguf")
    path.write_bytes(path.read_bytes().replace(b"llama", b"clipp"))
    with pytest.raises(UnavailableError, match="clipp is not supported"):
        load_model(str(path), cache_dir=tmp_path / "cache")
