"""Bring a checkpoint from the hub into its cache; afterwards it is a local folder like any other."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from swa.errors import UnavailableError
from swa.models.reference import ModelReference

_SMALL_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "tokenizer*"]


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
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name, revision = reference.name, reference.revision
    patterns = [*_SMALL_FILES, "*.py"] if trust_remote_code else _SMALL_FILES
    elsewhere = f"Download it where there is a network (`hf download {name}`) and name the folder instead."
    try:
        folder = snapshot_download(name, revision=revision, allow_patterns=[*patterns, "*.safetensors"])
        if not any(Path(folder).glob("*.safetensors")):
            folder = snapshot_download(name, revision=revision, allow_patterns=[*patterns, "*.bin"])
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
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, ConnectionError, OSError, HfHubHTTPError) as error:
        raise UnavailableError(f"'{name}' is not here and the hub cannot be reached.", hint=elsewhere) from error
    return Snapshot(Path(folder), Path(folder).name)
