"""What failures of the hub mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from swa.errors import UnavailableError


@contextmanager
def hub_failures(repository: str, *, name: str, hint: str) -> Iterator[None]:
    """Turn what `datasets` raises into one sentence. A `ValueError` (unknown configuration or split) passes.

    Args:
        repository: The data set's id on the hub.
        name: What the user knows it by.
        hint: Ways out when it cannot be had.

    Raises:
        UnavailableError: The data set cannot be had or not be stored.
    """
    from datasets.exceptions import DatasetNotFoundError, DatasetsError
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.errors import HTTPError as TransportError  # type: ignore[attr-defined]  # httpx or httpx2

    try:
        yield
    except DatasetNotFoundError as error:
        raise UnavailableError(f"The hub does not give '{repository}': {first_line(error)}", hint=hint) from error
    except (DatasetsError, RuntimeError) as error:  # RuntimeError: data sets that are programs are no longer run
        raise UnavailableError(f"The data set '{repository}' cannot be read: {first_line(error)}", hint=hint) from error
    except (ConnectionError, TimeoutError, HfHubHTTPError, TransportError) as error:
        raise UnavailableError(
            f"The data set '{name}' is not here and the hub cannot be reached.", hint=hint
        ) from error
    except OSError as error:
        raise UnavailableError(
            f"The data set '{name}' cannot be stored: {first_line(error)}",
            hint="Let HF_HOME name a folder with room.",
        ) from error


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its kind where it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
