"""Bring a checkpoint from the hub into its cache; afterwards it is a local folder like any other."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from swa.errors import UnavailableError
from swa.models.loading.inspect import first_sentence
from swa.models.loading.reference import ModelReference

_SMALL_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "tokenizer*"]
_NOT_LOADED = ["*/*.safetensors", "*/*.bin", "consolidated*"]
"""The same weights once more, in the layout of other programs."""


class Snapshot(NamedTuple):
    """A downloaded checkpoint.

    Attributes:
        folder: Where it lies.
        revision: The commit.
    """

    folder: Path
    revision: str


def download(reference: ModelReference, *, trust_remote_code: bool) -> Snapshot:
    """Download a checkpoint, safetensors where there are any, or take it from the hub's cache.

    Raises:
        UnavailableError: It does not exist, is gated, or the hub cannot be reached and it is not in the cache.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.errors import HTTPError as TransportError  # type: ignore[attr-defined]  # httpx or httpx2

    name, revision = reference.name, reference.revision
    small = [*_SMALL_FILES, "*.py"] if trust_remote_code else _SMALL_FILES
    elsewhere = f"Download it where there is a network (`hf download {name}`) and name the folder instead."
    try:
        for weights in ("*.safetensors", "*.bin"):
            folder = snapshot_download(
                name, revision=revision, allow_patterns=[*small, weights], ignore_patterns=_NOT_LOADED
            )
            if any(Path(folder).glob(weights)):
                break
    except GatedRepoError as error:
        raise UnavailableError(
            f"'{name}' is gated.", hint="Accept its terms on its page, then `hf auth login`."
        ) from error
    except RepositoryNotFoundError as error:
        raise UnavailableError(
            f"The hub has no model '{name}'.", hint="Check the spelling; private models need `hf auth login`."
        ) from error
    except RevisionNotFoundError as error:
        raise UnavailableError(
            f"'{name}' has no revision '{revision}'.", hint="Name a branch, tag or commit."
        ) from error
    except (LocalEntryNotFoundError, ConnectionError, TimeoutError) as error:
        raise UnavailableError(f"'{name}' is not here and the hub cannot be reached.", hint=elsewhere) from error
    except HfHubHTTPError as error:
        raise UnavailableError(f"The hub refuses '{name}': {first_sentence(error)}", hint=elsewhere) from error
    except (TransportError, RuntimeError) as error:  # RuntimeError: from the compiled half of the transport
        raise UnavailableError(
            f"The download of '{name}' broke off: {first_sentence(error)}", hint="Try again."
        ) from error
    except OSError as error:
        raise UnavailableError(
            f"'{name}' cannot be stored: {first_sentence(error)}", hint="Let HF_HOME name a folder with room."
        ) from error
    return Snapshot(Path(folder), Path(folder).name)
