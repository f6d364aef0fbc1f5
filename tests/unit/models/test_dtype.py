"""The type of the weights in memory is known before they are loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from swa.models.loading.load import Checkpoint, dtype_in_memory, load_model
from swa.models.loading.reference import ModelReference, parse_reference
from tests.support.tiny_checkpoint import write_tiny_checkpoint
from tests.support.tiny_models import build


@pytest.mark.parametrize("stored", ["float32", "bfloat16"])
@pytest.mark.parametrize("asked", ["auto", "float32", "float16"])
def test_it_is_that_of_the_loaded_model(tmp_path, stored, asked):
    write_tiny_checkpoint(tmp_path, model=build("llama").to(getattr(torch, stored)))
    checkpoint = Checkpoint(parse_reference(str(tmp_path)), tmp_path, None, "")
    known = dtype_in_memory(checkpoint, asked)
    assert known == str(load_model(checkpoint, dtype=asked).dtype).removeprefix("torch.")


def test_a_configuration_that_does_not_say(tmp_path):
    write_tiny_checkpoint(tmp_path)
    path = tmp_path / "config.json"
    config = {key: value for key, value in json.loads(path.read_text()).items() if key not in ("dtype", "torch_dtype")}
    path.write_text(json.dumps(config))
    checkpoint = Checkpoint(parse_reference(str(tmp_path)), tmp_path, None, "")
    assert dtype_in_memory(checkpoint, "auto") is None
    assert dtype_in_memory(checkpoint, "float16") == "float16"


@pytest.mark.parametrize("kind", ["gguf", "demo"])
def test_gguf_is_unpacked_to_float32(kind):
    checkpoint = Checkpoint(ModelReference("x", kind, None, None), Path("nowhere"), None, "")
    assert dtype_in_memory(checkpoint, "auto") == "float32"
    assert dtype_in_memory(checkpoint, "bfloat16") == "bfloat16"
