"""What tests of tasks share: data sets are cached apart from the user's, and the hub is out of reach."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def no_hub(tmp_path_factory):
    """The libraries are told that there is no network, and cache into a folder of this session."""
    import datasets
    import huggingface_hub

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("datasets"))
        yield
