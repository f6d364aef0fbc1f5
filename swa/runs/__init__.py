"""The commands as functions: the same work, the same files, and what was found as a value.

Each takes names of models or loaded models, and the choices of its command as one group or several::

    from swa import runs

    (found,) = runs.detect("demo", results_dir="results").models
    print(found.record.super_weights[0].coordinate, found.files["detection"])

The same call again goes on where it stopped. Nothing is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swa.data.options import TextOptions
    from swa.models.loading.options import LoadOptions
    from swa.runs.driver.models import Outcomes
    from swa.runs.driver.step import Outcome
    from swa.runs.options import WeightOptions
    from swa.runs.steps.cascade import cascade
    from swa.runs.steps.compare import compare
    from swa.runs.steps.detect import detect
    from swa.runs.steps.evaluate import evaluate
    from swa.runs.steps.report import report
    from swa.runs.steps.vocab import vocab
    from swa.runs.steps.whole import run
