"""A tiny random model of every causal language model type of transformers, built from its default configuration."""

from __future__ import annotations

from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_FOR_MASKED_LM_MAPPING_NAMES

from tests.support.tiny_overrides import DROP, OVERRIDES, VARIANTS
from tests.support.tiny_values import KEEP_NONE, KEEP_ZERO, N_HEADS, TOKEN_IDS, VALUES

NOT_BUILDABLE = {
    "gemma3n": "its vision tower needs the package timm; gemma3n_text is its language model",
    "gemma4_assistant": "a drafter, which needs the embeddings and the cache of another model",
    **dict.fromkeys(("musicgen", "musicgen_melody"), "its configuration is that of text, audio and decoder together"),
    "gemma4_unified_assistant": "a drafter, which needs the embeddings and the cache of another model",
}
NO_MLP = {"mamba", "mamba2", "falcon_mamba"}
"""Types that have mixers only."""
_SETTINGS = (PreTrainedConfig,)


def all_types() -> list[str]:
    """Every type, and the structural variants as `type@variant`."""
    return [*dict(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES), *VARIANTS]


def analysable_types() -> list[str]:
    """The types that can be built here and have an MLP."""
    return [name for name in all_types() if name not in NOT_BUILDABLE and name not in NO_MLP]


def build(name: str, *, seed: int = 0) -> Any:
    """A tiny model in eval mode, float32, with every weight drawn anew from the seed."""
    config = tiny_config(name)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    _draw_missing(model, seed)
    return model.eval().requires_grad_(False)


def tiny_config(name: str) -> Any:
    """The configuration of `build`."""
    kind = name.split("@")[0]
    cls = CONFIG_MAPPING[kind]
    overrides = dict(VARIANTS.get(name, OVERRIDES.get(kind, {})))
    default = cls()
    nested = {key: value for key, value in vars(default).items() if isinstance(value, _SETTINGS)}
    arguments: dict[str, Any] = {}
    for key, inner in nested.items():
        own = overrides.pop(key) if isinstance(overrides.get(key), dict) else {}
        values = _small_values(inner, drop=set()) | {
            deeper: {**_small_values(value, drop=set()), "model_type": value.model_type}
            for deeper, value in vars(inner).items()
            if isinstance(value, _SETTINGS)
        }
        arguments[key] = {**values, **own, **({"model_type": inner.model_type} if inner.model_type else {})}
    values = _small_values(default, drop=DROP.get(kind, set()))
    if kind in dict(MODEL_FOR_MASKED_LM_MAPPING_NAMES) and hasattr(default, "is_decoder"):
        values["is_decoder"] = True
    return cls(**{**values, **arguments, **overrides})


def _small_values(config: Any, *, drop: set[str]) -> dict[str, Any]:
    small: dict[str, Any] = {}
    for key, value in vars(config).items():
        whole = isinstance(value, int) and not isinstance(value, bool)
        keeps = (value is None and key in KEEP_NONE) or (value == 0 and whole and key in KEEP_ZERO)
        if key in VALUES and (whole or value is None) and not keeps and key not in drop:
            small[key] = VALUES[key]
        elif key in TOKEN_IDS and whole:
            small[key] = TOKEN_IDS[key]
    if "qk_rope_head_dim" in vars(config):
        small.pop("head_dim", None)
    if "kv_lora_rank" in vars(config) and "num_key_value_heads" in small:
        small["num_key_value_heads"] = N_HEADS  # latent attention has no grouped heads
    if "encoder_layers" in small and "decoder_layers" in small:
        small["encoder_layers"] = small["decoder_layers"]
    if "num_encoder_layers" in small:
        small["num_encoder_layers"] = VALUES["num_layers"]
    return small


def _draw_missing(model: Any, seed: int) -> None:
    """Draw matrices that the model's own initialisation leaves empty or zero (routers, fused experts)."""
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for parameter in model.parameters():
            empty = not torch.isfinite(parameter).all() or (parameter.dim() > 1 and not parameter.any())
            if parameter.is_floating_point() and (empty or parameter.abs().max() > 1e3):
                parameter.copy_(0.02 * torch.randn(parameter.shape, generator=generator))
