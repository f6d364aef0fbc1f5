"""A checkpoint's tokenizer, or a sentence why there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from swa.errors import UnavailableError
from swa.models.loading.inspect import first_sentence

_BROKEN = (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError)
"""What transformers raises at tokenizer files that are missing, cut off, or of a shape that it does not expect."""


def read_tokenizer(folder: Path, *, trust_remote_code: bool) -> Any:
    """The tokenizer that lies beside the weights.

    Raises:
        UnavailableError: There is none, or it is broken.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code, local_files_only=True)
    except Exception as error:
        # the tokenizers library raises Exception itself, of no class of its own; a subclass must be a known one
        if type(error) is not Exception and not isinstance(error, _BROKEN):
            raise
        raise UnavailableError(
            f"'{folder.name}' has no tokenizer that can be read: {first_sentence(error)}",
            hint="Copy the tokenizer's files beside the weights.",
        ) from error
    if len(tokenizer) == 0:
        raise UnavailableError(f"'{folder.name}' has no tokenizer.", hint="Copy its files beside the weights.")
    return tokenizer
