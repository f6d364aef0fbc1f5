"""Can this checkpoint be analysed? Asked of its configuration, before any weight is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from swa.errors import UnavailableError, UnsupportedModelError


def read_config(folder: Path, *, trust_remote_code: bool) -> Any:
    """The configuration of a checkpoint whose weights `swa` can edit.

    Raises:
        UnavailableError: There is no configuration, or it is broken.
        UnsupportedModelError: It is no causal language model, unknown to transformers, or quantised.
    """
    from transformers import AutoConfig

    path = folder / "config.json"
    if not path.is_file():
        raise UnavailableError(
            f"'{folder}' holds no config.json, so it is no model.", hint="Name the folder that holds the checkpoint."
        )
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnavailableError(f"'{path}' is not valid JSON: {error}.") from error
    _check_raw(raw, folder, trust_remote_code=trust_remote_code)
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnsupportedModelError(
            f"The configuration of '{folder.name}' cannot be read: {first_sentence(error)}"
        ) from error


def _check_raw(raw: dict[str, Any], folder: Path, *, trust_remote_code: bool) -> None:
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    if "quantization_config" in raw:
        method = raw["quantization_config"].get("quant_method", "an unknown method")
        raise UnsupportedModelError(
            f"The weights of '{folder.name}' are quantised ({method}): packed scalars cannot be edited one by one.",
            hint="Analyse the original checkpoint.",
        )
    if "AutoModelForCausalLM" in raw.get("auto_map", {}):
        if trust_remote_code:
            return
        raise UnsupportedModelError(
            f"'{folder.name}' brings its own model code.",
            hint="Read that code, then allow it with --trust-remote-code.",
        )
    model_type = raw.get("model_type")
    architecture = (raw.get("architectures") or [None])[0]
    causal = dict(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    if model_type not in causal and own_class(architecture) is not None:
        return
    if model_type not in causal:
        kind = f"'{model_type}'" if model_type else "without a model type"
        raise UnsupportedModelError(
            f"'{folder.name}' is {kind}, which transformers does not know as a causal language model.",
            hint="swa analyses decoder-only language models.",
        )
    names = causal[model_type]
    accepted = (names,) if isinstance(names, str) else tuple(names)
    others = set(dict(MODEL_FOR_MASKED_LM_MAPPING_NAMES).values())
    encoder = architecture is None and model_type in dict(MODEL_FOR_MASKED_LM_MAPPING_NAMES)
    if (encoder and not raw.get("is_decoder")) or architecture in others - set(accepted):
        raise UnsupportedModelError(
            f"'{folder.name}' is an encoder ({architecture or model_type}): it predicts no next token.",
            hint="swa analyses decoder-only language models.",
        )
    headless = architecture is not None and architecture.endswith(("Classification", "Model", "QuestionAnswering"))
    if headless and architecture not in accepted:
        raise UnsupportedModelError(f"'{folder.name}' is a {architecture}, which has no language-model head.")


def own_class(architecture: str | None) -> Any:
    """The transformers class that a checkpoint names, where it is a causal language model, else `None`.

    The text part of some composite models has a configuration that the automatic classes do not know.
    """
    import transformers

    named = architecture is not None and architecture.endswith("ForCausalLM")
    return getattr(transformers, str(architecture), None) if named else None


def context_length(config: Any, tokenizer: Any) -> int:
    """Longest input in tokens, from the configuration, else from the tokenizer, else 2048."""
    text = config.get_text_config(decoder=True)
    names = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "n_ctx", "seq_length")
    for name in names:
        value = text.to_dict().get(name)  # attribute access may fail for configurations that differ by layer
        if isinstance(value, int) and value > 1:
            return value
    limit = tokenizer.model_max_length
    return int(limit) if limit < 1_000_000 else 2048


def first_sentence(error: BaseException) -> str:
    """The first line of an error's text, at most 200 characters."""
    lines = str(error).strip().splitlines()
    line = lines[0] if lines else type(error).__name__
    return line if len(line) <= 200 else f"{line[:199]}…"
