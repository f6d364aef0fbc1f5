from swa.runs.driver.models import Failure, Outcomes
from swa.runs.driver.step import Outcome
from swa.runs.options import WeightOptions
from swa.runs.steps.cascade import cascade
from swa.runs.steps.compare import compare
from swa.runs.steps.detect import detect
from swa.runs.steps.doctor import doctor
from swa.runs.steps.evaluate import evaluate
from swa.runs.steps.report import report
from swa.runs.steps.vocab import vocab
from swa.runs.steps.whole import run

__all__ = [
    "Failure",
    "Outcome",
    "Outcomes",
    "WeightOptions",
    "cascade",
    "compare",
    "detect",
    "doctor",
    "evaluate",
    "report",
    "run",
    "vocab",
]
