from .driver.models import Failure, Outcomes
from .driver.step import Outcome
from .options import WeightOptions
from .steps.cascade import cascade
from .steps.compare import compare
from .steps.detect import detect
from .steps.doctor import doctor
from .steps.evaluate import evaluate
from .steps.records import schema, validate
from .steps.report import report
from .steps.vocab import vocab
from .steps.whole import run

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
    "schema",
    "validate",
    "vocab",
]
