"""Load a model so that it can be analysed, or say in a sentence why not."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from safetensors import SafetensorError

from swa.errors import OutOfMemoryError, UsageError
from swa.models.discovery.discovery import discover_sites
from swa.models.loading.fingerprint import fingerprint_folder, n_parameters_of
from swa.models.loading.gguf import demo_file, unpacked
from swa.models.loading.hub import download
from swa.models.loading.inspect import context_length, read_config
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.memory import free_memory
from swa.models.loading.network import Placement, read_network
from swa.models.loading.offload import check_shared, give_back_freed_memory, read_layers_whole, weights_on_disk_known
from swa.models.loading.reference import ModelReference, parse_reference
from swa.models.loading.tokenizer import read_tokenizer
from swa.progress import Progress, SilentProgress
from swa.text.numbers import size

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
    tokenizer: Any = None,
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
        tokenizer: The checkpoint's own, where it was read before.

    Raises:
        UnavailableError: The model cannot be had, or is incomplete or corrupt.
        UnsupportedModelError: It cannot be analysed.
        UsageError: The device is not there, or the cache cannot be used.
        OutOfMemoryError: The weights are larger than the device's memory.
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
    placement = Placement(
        dtype=_dtype("float32" if dtype == "auto" and reference.kind in ("gguf", "demo") else dtype),
        device=target,
        max_memory=max_memory,
        cache_dir=cache_dir,
    )
    _check_memory(place.folder, config, placement)
    if tokenizer is None:
        tokenizer = read_tokenizer(place.folder, trust_remote_code=trust_remote_code)
    network = read_network(
        place.folder, config, placement=placement, trust_remote_code=trust_remote_code, progress=progress
    )
    if getattr(config, "is_decoder", True) is False and hasattr(config, "add_cross_attention"):
        progress.warn("This model attends in both directions (is_decoder is false); its losses are no predictions.")
    offloaded = any(parameter.device.type == "meta" for parameter in network.parameters())
    if offloaded:
        give_back_freed_memory()
        read_layers_whole(network)
    with weights_on_disk_known(type(network).__name__) if offloaded else nullcontext():
        sites = discover_sites(network, device=target)
    if offloaded:
        check_shared(network, sites)
    return LoadedModel(
        reference=reference,
        model=network,
        tokenizer=tokenizer,
        sites=sites,
        fingerprint=place.fingerprint,
        revision=place.revision,
        dtype=network.dtype,
        device=target,
        offloaded=offloaded,
        context_length=context_length(network, tokenizer),
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


def dtype_in_memory(checkpoint: Checkpoint, dtype: DtypeName, *, trust_remote_code: bool = False) -> str | None:
    """The type that a checkpoint's weights will have in memory; `None` where only the weights themselves say it."""
    if dtype != "auto" or checkpoint.reference.kind in ("gguf", "demo"):
        return "float32" if dtype == "auto" else dtype
    stored = getattr(read_config(checkpoint.folder, trust_remote_code=trust_remote_code), "dtype", None)
    return None if stored is None else str(stored).removeprefix("torch.")


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"'{name}' is no device.", hint="Use auto, cpu, cuda, cuda:N or mps.") from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f"'{name}' is no device that swa knows.", hint="Use auto, cpu, cuda, cuda:N or mps.")
    n_cuda = torch.cuda.device_count()
    missing_cuda = device.type == "cuda" and (device.index or 0) >= n_cuda
    if missing_cuda or (device.type == "mps" and not torch.backends.mps.is_available()):
        raise UsageError(f"The device '{name}' is not there.", hint=f"This machine has {n_cuda} CUDA devices; try cpu.")
    return device


def _dtype(name: DtypeName) -> torch.dtype | None:
    return None if name == "auto" else getattr(torch, name)


def _check_memory(folder: Path, config: Any, placement: Placement) -> None:
    """Refuse what cannot fit before it fills the memory."""
    if placement.max_memory is not None:
        return
    try:
        n_parameters = n_parameters_of(folder)
    except (SafetensorError, OSError):
        return  # a broken file; reading the weights says what is wrong with it
    stored = getattr(config, "dtype", None)
    kind = placement.dtype or (stored if isinstance(stored, torch.dtype) else torch.float32)
    needed, there = (n_parameters or 0) * kind.itemsize, free_memory(placement.device)
    if needed > there:
        raise OutOfMemoryError(
            f"The weights need {size(needed)} and {placement.device} has {size(there)} free.",
            hint="Keep a part on disk with --max-memory, or choose a smaller --dtype.",
        )
