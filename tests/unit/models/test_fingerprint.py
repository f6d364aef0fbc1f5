"""The fingerprint sees what docs/files.md#names-and-writing lists, of the files that are loaded."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from swa.models.loading.fingerprint import fingerprint_folder, n_parameters_of, weight_files

MIB = 1 << 20


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    save_file({"a": torch.zeros(MIB), "b": torch.zeros(3, 5)}, tmp_path / "model.safetensors")  # 4 MiB
    return tmp_path


def _flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(("position", "seen"), [(40, True), (MIB // 2, True), (2 * MIB, False), (-1, True)])
def test_both_ends_of_each_file_count(folder, position, seen):
    before = fingerprint_folder(folder)
    _flip(folder / "model.safetensors", position)
    assert (fingerprint_folder(folder) != before) is seen


def test_configuration_and_name_count(folder):
    seen = {fingerprint_folder(folder)}
    (folder / "config.json").write_text('{"a": 1}')
    seen.add(fingerprint_folder(folder))
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    seen.add(fingerprint_folder(folder))
    assert len(seen) == 3


def test_files_that_are_not_loaded_do_not_count(folder):
    before = fingerprint_folder(folder)
    save_file({"a": torch.zeros(7)}, folder / "consolidated.safetensors")
    torch.save({}, folder / "pytorch_model.bin")
    assert fingerprint_folder(folder) == before
    assert n_parameters_of(folder) == MIB + 15


def test_an_index_names_the_shards(tmp_path):
    for name in ("model-1-of-2", "model-2-of-2", "consolidated"):
        save_file({name: torch.zeros(4)}, tmp_path / f"{name}.safetensors")
    assert len(weight_files(tmp_path)) == 3
    index = {"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert [path.name for path in weight_files(tmp_path)] == ["model-1-of-2.safetensors", "model-2-of-2.safetensors"]
    assert n_parameters_of(tmp_path) == 8


def test_a_long_header_counts_whole(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    path = tmp_path / "model.safetensors"
    save_file({f"{i:04}" + "x" * 300: torch.zeros(1) for i in range(4000)}, path)  # 1.4 MiB of names
    with path.open("ab") as stream:
        stream.write(bytes(2 * MIB))
    length = int.from_bytes(path.read_bytes()[:8], "little")
    assert length > MIB
    before = fingerprint_folder(tmp_path)
    _flip(path, 8 + length - 1)
    assert fingerprint_folder(tmp_path) != before


def test_broken_and_foreign_files(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    assert n_parameters_of(tmp_path) is None
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(SafetensorError):
        n_parameters_of(tmp_path)
