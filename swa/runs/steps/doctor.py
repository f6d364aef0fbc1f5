"""`swa doctor`: load models, say what was found in them, and test that a super weight would be found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from swa.models.loading.options import LoadOptions
from swa.progress import Progress
from swa.runs.driver.model_run import ModelRun
from swa.runs.driver.models import Outcomes, each_model, named_models

if TYPE_CHECKING:
    from swa.detection.doctor import Examination
    from swa.runs.driver.models import Models


class Examined(NamedTuple):
    """One model and what was found in it.

    Attributes:
        name: The model as it was named.
        found: Sites, head, self-test.
        device: Where it was loaded.
        n_bytes_there: Memory of that device.
    """

    name: str
    found: Examination
    device: str
    n_bytes_there: int


def doctor(
    models: Models,
    *,
    load: LoadOptions | None = None,
    progress: Progress | None = None,
    on_outcome: Callable[[Examined], None] | None = None,
) -> Outcomes[Examined]:
    """Load models and test them; nothing is written.

    Args:
        models: Names (hub id, folder, `.gguf` file, `demo`) or loaded models.
        load: How models are loaded.
        progress: Where the work is reported; by default nowhere.
        on_outcome: Called as each model ends.

    Raises:
        SwaError: The only model failed. Of several models, see `Outcomes.failures`.
    """
    load = load or LoadOptions()
    named = named_models(models, load, example="swa doctor demo")
    return each_model(named, _examined, options=load, progress=progress, on_outcome=on_outcome)


def _examined(run: ModelRun) -> Examined:
    from swa.detection.doctor import examine
    from swa.models.loading.memory import total_memory

    loaded = run.load()
    return Examined(run.name, examine(loaded), str(loaded.device), total_memory(loaded.device))
