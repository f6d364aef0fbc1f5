"""Read a checkpoint's weights into a transformers model, or say in a sentence what is wrong with them."""

from __future__ import annotations

import pickle
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from swa.errors import UnavailableError, UnsupportedModelError, is_out_of_memory
from swa.models.loading.cache import cache_folder
from swa.models.loading.fingerprint import weight_files
from swa.models.loading.inspect import first_sentence, own_class
from swa.progress import Progress

_BROKEN = (SafetensorError, OSError, EOFError, pickle.UnpicklingError, ValueError, KeyError, TypeError, RuntimeError)
"""What safetensors, torch and transformers raise at weights that are cut off, corrupt, or something else."""


@dataclass(frozen=True)
class Placement:
    """Where weights go.

    Attributes:
        dtype: Their type in memory, `None` for the checkpoint's own.
        device: Where they are used.
        max_memory: Bytes of weights in memory, `None` for all; the others are read from disk for each pass.
        cache_dir: Where weights go that a checkpoint stores in another layout than the model uses.
    """

    dtype: torch.dtype | None
    device: torch.device
    max_memory: int | None
    cache_dir: Path | None


def read_network(
    folder: Path, config: Any, *, placement: Placement, trust_remote_code: bool, progress: Progress
) -> Any:
    """The checkpoint's model in eval mode, without gradients.

    Raises:
        UnavailableError: Weights are missing, broken, or do not fit the configuration.
        UnsupportedModelError: Its code cannot be loaded, or weights are not finite.
    """
    if not weight_files(folder):
        raise UnavailableError(f"'{folder}' holds no weights.", hint="Look for *.safetensors; the copy is incomplete.")
    spill = _spill_folder(placement)
    try:
        network, report = _model_class(config, trust_remote_code=trust_remote_code).from_pretrained(
            folder,
            config=config,
            dtype=placement.dtype or "auto",
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
            weights_only=True,
            **_device_map(placement, spill),
            **({"trust_remote_code": True} if trust_remote_code else {}),
        )
    except (ImportError, SyntaxError) as error:  # a package that is not installed, or the checkpoint's own code
        _remove(spill)
        raise UnsupportedModelError(f"The code of '{folder.name}' cannot be loaded: {first_sentence(error)}") from error
    except _BROKEN as error:
        _remove(spill)
        if is_out_of_memory(error):
            raise
        raise UnavailableError(
            f"The weights of '{folder.name}' cannot be read: {first_sentence(error)}", hint="Download them again."
        ) from error
    if spill is not None:
        weakref.finalize(network, _remove, spill)
    check_complete(report, folder.name)
    if report["unexpected_keys"]:
        unused = sorted(report["unexpected_keys"])
        progress.info(f"{len(unused)} weights of the checkpoint have no place in the model, {unused[0]} among them.")
    network.eval().requires_grad_(False)
    _check_finite(network)
    return network.to(placement.device) if placement.max_memory is None else network


def check_complete(report: Mapping[str, Any], name: str) -> None:
    """Refuse a model of which transformers had to invent weights.

    Raises:
        UnavailableError: Some were not in the checkpoint, or had another shape there.
    """
    for key, stored, expected in sorted(report["mismatched_keys"]):
        raise UnavailableError(
            f"The weight {key} of '{name}' is {_shape(stored)}, its configuration says {_shape(expected)}.",
            hint="Weights and config.json are of different models.",
        )
    missing = sorted(report["missing_keys"])
    if missing:
        raise UnavailableError(
            f"'{name}' lacks {len(missing)} weights, {missing[0]} among them.", hint="The copy is incomplete."
        )


def _model_class(config: Any, *, trust_remote_code: bool) -> Any:
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoModelForCausalLM

    if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING or trust_remote_code:
        return AutoModelForCausalLM
    return own_class((config.architectures or [""])[0])


def _device_map(placement: Placement, spill: Path | None) -> dict[str, Any]:
    if placement.max_memory is None:
        return {}
    main: int | str = (placement.device.index or 0) if placement.device.type == "cuda" else placement.device.type
    limits: dict[int | str, int] = {"cpu": 0, main: placement.max_memory}
    return {"device_map": "auto", "max_memory": limits, "offload_folder": str(spill)}


def _spill_folder(placement: Placement) -> Path | None:
    """A folder of this model alone: the files in it are named after parameters, which other models have too."""
    if placement.max_memory is None:
        return None
    return Path(tempfile.mkdtemp(prefix="offload-", dir=cache_folder(placement.cache_dir)))


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _shape(sizes: tuple[int, ...]) -> str:
    return "×".join(map(str, sizes))


def _check_finite(network: nn.Module) -> None:
    for name, parameter in network.named_parameters():
        if parameter.device.type != "meta" and not bool(torch.isfinite(parameter).all()):
            raise UnsupportedModelError(f"The weight {name} holds NaN or infinite values: this checkpoint is broken.")
