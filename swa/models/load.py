"""Load a model so that it can be analysed, or say in a sentence why not."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from safetensors import SafetensorError
from torch import nn

from swa.errors import OutOfMemoryError, UnavailableError, UnsupportedModelError, UsageError
from swa.models.discovery import discover_sites
from swa.models.fingerprint import fingerprint_folder, n_parameters_of, weight_files
from swa.models.gguf import default_cache, demo_file, unpacked
from swa.models.hub import download
from swa.models.inspect import context_length, first_sentence, own_class, read_config
from swa.models.loaded import LoadedModel
from swa.models.reference import ModelReference, parse_reference
from swa.progress import Progress, SilentProgress

DtypeName = Literal["auto", "float32", "bfloat16", "float16"]


class Checkpoint(NamedTuple):
    """A model that lies in a local folder, not yet loaded.

    Attributes:
        reference: What the user named.
        folder: Configuration, weights and tokenizer.
        revision: The hub's commit, `None` for local models.
        fingerprint: Of configuration and weights.
    """

    reference: ModelReference
    folder: Path
    revision: str | None
    fingerprint: str


def load_model(
    model: str | Checkpoint,
    *,
    dtype: DtypeName = "auto",
    device: str = "auto",
    max_memory: int | None = None,
    trust_remote_code: bool = False,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> LoadedModel:
    """Load a causal language model and find its down projections.

    Args:
        model: Hub id with optional `@revision`, folder, `.gguf` file, `demo`, or a checkpoint.
        dtype: Type of the weights in memory; `auto` is the checkpoint's own (float32 for GGUF).
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        max_memory: Bytes of weights in memory; the rest stays on disk and is read for each pass.
        trust_remote_code: Whether code in the checkpoint may run.
        cache_dir: Where unpacked GGUF files lie.
        progress: Where notes go.

    Raises:
        UnavailableError: The model cannot be had, or is incomplete or corrupt.
        UnsupportedModelError: It cannot be analysed.
        UsageError: The device is not there.
    """
    progress = progress or SilentProgress()
    target = _device(device)
    place = (
        fetch(parse_reference(model), trust_remote_code=trust_remote_code, cache_dir=cache_dir, progress=progress)
        if isinstance(model, str)
        else model
    )
    reference = place.reference
    config = read_config(place.folder, trust_remote_code=trust_remote_code)
    _check_memory(place.folder, dtype, config, target, max_memory)
    tokenizer = _load_tokenizer(place.folder, trust_remote_code=trust_remote_code)
    network = _load_weights(
        place.folder,
        dtype="float32" if dtype == "auto" and reference.kind in ("gguf", "demo") else dtype,
        device=target,
        max_memory=max_memory,
        config=config,
        trust_remote_code=trust_remote_code,
        offload_folder=(cache_dir or default_cache()) / "offload",
    )
    network.eval().requires_grad_(False)
    _check_finite(network)
    if getattr(config, "is_decoder", True) is False and hasattr(config, "add_cross_attention"):
        progress.warn("This model attends in both directions (is_decoder is false); its losses are no predictions.")
    return LoadedModel(
        reference=reference,
        model=network,
        tokenizer=tokenizer,
        sites=discover_sites(network, device=target),
        fingerprint=place.fingerprint,
        revision=place.revision,
        dtype=network.dtype,
        device=target,
        offloaded=any(parameter.device.type == "meta" for parameter in network.parameters()),
        context_length=context_length(config, tokenizer),
    )


def fetch(
    reference: ModelReference,
    *,
    trust_remote_code: bool = False,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> Checkpoint:
    """Bring a model into a local folder: download it, or unpack its GGUF file; a folder stays where it is.

    Raises:
        UnavailableError: It cannot be had, or holds no configuration.
        UnsupportedModelError: Its configuration says that it cannot be analysed.
    """
    revision = None
    if reference.kind == "hub":
        folder, revision = download(reference, trust_remote_code=trust_remote_code)
    elif reference.kind == "folder":
        assert reference.path is not None
        folder = reference.path
    else:
        path = demo_file() if reference.path is None else reference.path
        folder = unpacked(path, cache_dir=cache_dir, progress=progress or SilentProgress())
    read_config(folder, trust_remote_code=trust_remote_code)
    return Checkpoint(reference, folder, revision, fingerprint_folder(folder))


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"'{name}' is no device.", hint="Use auto, cpu, cuda, cuda:N or mps.") from error
    n_cuda = torch.cuda.device_count()
    missing_cuda = device.type == "cuda" and (device.index or 0) >= n_cuda
    if missing_cuda or (device.type == "mps" and not torch.backends.mps.is_available()):
        raise UsageError(f"The device '{name}' is not there.", hint=f"This machine has {n_cuda} CUDA devices; try cpu.")
    return device


def _check_memory(folder: Path, dtype: DtypeName, config: Any, device: torch.device, max_memory: int | None) -> None:
    """Refuse what cannot fit before it fills the memory."""
    if max_memory is not None:
        return
    from swa.models.memory import total_memory

    try:
        n_parameters = n_parameters_of(folder)
    except (ValueError, KeyError, OSError):
        return  # a broken header; loading says what is wrong with it
    stored = getattr(config, "dtype", None)
    kind = getattr(torch, dtype) if dtype != "auto" else stored if isinstance(stored, torch.dtype) else torch.float32
    needed, there = (n_parameters or 0) * kind.itemsize, total_memory(device)
    if needed > there:
        raise OutOfMemoryError(
            f"The weights need {needed / 2**30:.1f} GiB and {device} has {there / 2**30:.1f} GiB.",
            hint="Keep a part on disk with --max-memory, or choose a smaller --dtype.",
        )


def _load_tokenizer(folder: Path, *, trust_remote_code: bool) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code, local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise UnavailableError(
            f"'{folder.name}' has no tokenizer that can be read: {first_sentence(error)}",
            hint="Copy the tokenizer's files beside the weights.",
        ) from error
    if len(tokenizer) == 0:
        raise UnavailableError(f"'{folder.name}' has no tokenizer.", hint="Copy its files beside the weights.")
    return tokenizer


def _load_weights(
    folder: Path,
    *,
    dtype: str,
    device: torch.device,
    max_memory: int | None,
    config: Any,
    trust_remote_code: bool,
    offload_folder: Path,
) -> Any:
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoModelForCausalLM

    if not weight_files(folder):
        raise UnavailableError(f"'{folder}' holds no weights.", hint="Look for *.safetensors; the copy is incomplete.")
    architecture = (config.architectures or [None])[0]
    if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING or trust_remote_code:
        model_class = AutoModelForCausalLM
    else:
        model_class = own_class(architecture)
    placement: dict[str, Any] = {"trust_remote_code": True} if trust_remote_code else {}
    if max_memory is not None:
        main: int | str = (device.index or 0) if device.type == "cuda" else "cpu"
        limits: dict[int | str, int] = {"cpu": 0, main: max_memory}
        placement |= {"device_map": "auto", "max_memory": limits, "offload_folder": str(offload_folder)}
    try:
        network, report = model_class.from_pretrained(
            folder,
            config=config,
            dtype=dtype if dtype == "auto" else getattr(torch, dtype),
            local_files_only=True,
            output_loading_info=True,
            weights_only=True,
            **placement,
        )
    except (SafetensorError, OSError, EOFError, pickle.UnpicklingError, ValueError, KeyError) as error:
        raise UnavailableError(
            f"The weights of '{folder.name}' cannot be read: {first_sentence(error)}", hint="Download them again."
        ) from error
    except ImportError as error:
        raise UnsupportedModelError(f"'{folder.name}' needs a package: {first_sentence(error)}") from error
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise UnavailableError(f"The weights of '{folder.name}' do not fit: {first_sentence(error)}") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise UnavailableError(
            f"'{folder.name}' lacks {len(missing)} weights, {missing[0]} among them.", hint="The copy is incomplete."
        )
    return network.to(device) if max_memory is None else network


def _check_finite(network: nn.Module) -> None:
    for name, parameter in network.named_parameters():
        if parameter.device.type != "meta" and not bool(torch.isfinite(parameter).all()):
            raise UnsupportedModelError(f"The weight {name} holds NaN or infinite values: this checkpoint is broken.")
