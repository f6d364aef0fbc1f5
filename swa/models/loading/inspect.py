"""Can this checkpoint be analysed? Asked of its configuration, before any weight is read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from swa.errors import UnavailableError, UnsupportedModelError

_CAUSAL_HEADS = ("ForCausalLM", "LMHeadModel", "ModelWithLMHead")
"""Endings of classes with a language-model head, for checkpoints that older versions of a class have saved."""
_UNLIMITED = 1_000_000
"""Tokenizers say a number beyond this when they know no limit."""
_QUANTISATION = ("quantization_config", "compression_config", "quantization")


def read_config(folder: Path, *, trust_remote_code: bool) -> Any:
    """The configuration of a checkpoint whose weights `swa` can edit.

    Raises:
        UnavailableError: There is no configuration, or it is broken.
        UnsupportedModelError: It is no causal language model, unknown to transformers, or quantised.
    """
    from huggingface_hub.errors import StrictDataclassError
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
    if not isinstance(raw, dict):
        raise UnavailableError(f"'{path}' holds no JSON object, so it is no configuration.")
    _check_raw(raw, folder, trust_remote_code=trust_remote_code)
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code, local_files_only=True)
    except (ImportError, SyntaxError) as error:
        raise UnsupportedModelError(f"The code of '{folder.name}' cannot be loaded: {first_sentence(error)}") from error
    except (StrictDataclassError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnavailableError(
            f"The configuration of '{folder.name}' is broken: {first_sentence(error)}",
            hint="Compare it with the original config.json.",
        ) from error


def _check_raw(raw: dict[str, Any], folder: Path, *, trust_remote_code: bool) -> None:
    """Refuse by what stands in config.json, in the user's words rather than transformers'."""
    _check_quantisation(raw, folder.name)
    if "AutoModelForCausalLM" in (raw.get("auto_map") or {}):
        if trust_remote_code:
            return
        raise UnsupportedModelError(
            f"'{folder.name}' brings its own model code.",
            hint="Read that code, then allow it with --trust-remote-code.",
        )
    _check_kind(raw, folder.name)


def _check_quantisation(raw: dict[str, Any], name: str) -> None:
    text = raw.get("text_config")
    for part in (raw, text if isinstance(text, dict) else {}):
        quantisation = next((part[key] for key in _QUANTISATION if part.get(key)), None)
        if quantisation is not None:
            known = isinstance(quantisation, dict)
            method = quantisation.get("quant_method", "an unknown method") if known else "an unknown method"
            raise UnsupportedModelError(
                f"The weights of '{name}' are quantised ({method}): packed scalars cannot be edited one by one.",
                hint="Analyse the original checkpoint.",
            )


def _check_kind(raw: dict[str, Any], name: str) -> None:
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    model_type, architecture = str(raw.get("model_type") or ""), _architecture(raw)
    causal, masked = dict(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES), dict(MODEL_FOR_MASKED_LM_MAPPING_NAMES)
    hint = "swa analyses decoder-only language models."
    if model_type not in causal:
        if own_class(architecture) is not None:
            return
        kind = f"'{model_type}'" if model_type else "without a model type"
        raise UnsupportedModelError(
            f"'{name}' is {kind}, which transformers does not know as a causal language model.", hint=hint
        )
    names = causal[model_type]
    if architecture in ((names,) if isinstance(names, str) else names) or architecture.endswith(_CAUSAL_HEADS):
        return
    if raw.get("is_encoder_decoder"):
        raise UnsupportedModelError(f"'{name}' is an encoder with a decoder ({architecture or model_type}).", hint=hint)
    if architecture in masked.values() or (not architecture and model_type in masked and not raw.get("is_decoder")):
        raise UnsupportedModelError(
            f"'{name}' is an encoder ({architecture or model_type}): it predicts no next token.", hint=hint
        )
    if architecture:
        raise UnsupportedModelError(f"'{name}' is a {architecture}, which predicts no next token.", hint=hint)


def _architecture(raw: dict[str, Any]) -> str:
    """The class that the checkpoint was saved from, or an empty string."""
    named = raw.get("architectures")
    return str(named[0]) if isinstance(named, list) and named else ""


def own_class(architecture: str) -> Any:
    """The transformers class that a checkpoint names, where it is a causal language model, else `None`.

    The text part of some composite models has a configuration that the automatic classes do not know.
    """
    import transformers

    return getattr(transformers, architecture, None) if architecture.endswith("ForCausalLM") else None


_CONTEXT_NAMES = """max_position_embeddings n_positions max_seq_len max_sequence_length max_target_positions n_ctx
    seq_length context_length model_max_length""".split()


def context_length(model: Any, tokenizer: Any) -> int:
    """Longest input in tokens, from the model's configuration, else from the tokenizer, else 2048."""
    limit = _stated_limit(_text_config(model.config))
    return context_length_of_config(model.config, tokenizer) - (0 if limit is None else _positions_lost(model, limit))


def context_length_of_config(config: Any, tokenizer: Any) -> int:
    """The same of a model that is not loaded; tables of positions show when its modules are there."""
    values = _text_config(config)
    limit = _stated_limit(values)
    if limit is None:
        return int(tokenizer.model_max_length) if tokenizer.model_max_length < _UNLIMITED else 2048
    return limit - (1 if values.get("ngram") else 0)  # ProphetNet's predicting streams stand one position further on


def _text_config(config: Any) -> dict[str, Any]:
    values: dict[str, Any] = config.get_text_config(
        decoder=True
    ).to_dict()  # attribute access fails where layers differ
    return values


def _stated_limit(values: dict[str, Any]) -> int | None:
    stated = (values.get(name) for name in _CONTEXT_NAMES)
    return next((value for value in stated if isinstance(value, int) and value > 1), None)


def _positions_lost(model: Any, n_positions: int) -> int:
    """Rows of a position table that no token gets: those up to its padding row (RoBERTa counts from there)."""
    tables = (
        module
        for module in model.modules()
        if isinstance(getattr(module, "padding_idx", None), int)
        and getattr(module, "num_embeddings", None) == n_positions
        and module is not model.get_input_embeddings()
    )
    return max((table.padding_idx + 1 for table in tables), default=0)


def first_sentence(error: BaseException) -> str:
    """The first sentence of an error's text, at most 200 characters, with a full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return f"{type(error).__name__}."
    text = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]  # a headline says nothing alone
    text = re.split(r"(?<=[.!?])\s", text)[0]
    if isinstance(error, KeyError):
        text = f"there is no {text}"
    return f"{text[:199]}…" if len(text) > 200 else text if text.endswith((".", "!", "?")) else f"{text}."
