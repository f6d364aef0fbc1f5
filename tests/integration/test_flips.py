"""Each option of an analysis flipped on planted models: records change, and what is finished is not computed again.

An option that changes `items` lets other things run through the model; one that changes `records` or `choice` finds
every item that it shares with the run before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from swa.cascades.analysis import plan_cascade
from swa.cascades.options import CascadeOptions
from swa.data.options import WindowOptions
from swa.data.sources import load_text
from swa.detection.analysis import detect
from swa.detection.options import DetectOptions
from swa.engine.ledger import finish
from swa.evaluation.analysis import evaluate
from swa.evaluation.options import EvaluateOptions
from swa.models.loading.load import load_model
from swa.options import Options, options_of
from swa.progress import SilentProgress
from swa.runs.driver.keys import EXPERT_OPTIONS
from swa.vocabulary.options import InterventionOptions
from swa.vocabulary.super_weight_cards import plan_super_weight_cards
from tests.support.ledgers import KilledLedger
from tests.support.planted_models import write_planted_models
from tests.unit.runs.test_keys import flipped

SEARCH = DetectOptions(screen_top=6, max_iterations=1, batch_size=8, router_analysis_samples=2)
MEASURED = EvaluateOptions(perplexity_samples=4, batch_size=4, tokens=100, window_len=20, stride=10)
CUT = WindowOptions(tokens=100, window_len=20, stride=10)
CARDS = InterventionOptions(batch_size=4, bootstrap=20)
FOLLOWED = CascadeOptions(tokens=100, window_len=20, stride=10, batch_size=4)
HERE = {"layers": ["every:2"]}
"""Values that act in a model of few layers."""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flips")
    return {path.name: load_model(str(path)) for path in write_planted_models(folder)}


@pytest.fixture(scope="module")
def text():
    return load_text("builtin")


@pytest.fixture(scope="module")
def found(models, text):
    """Super weights of the dense model, and the ledgers of all analyses with the records of their first run."""
    return detect(models["dense"], text, options=SEARCH).super_weights[:2]


@pytest.fixture(scope="module")
def analyses(models, text, found) -> dict[str, tuple[Options, Callable[[Any, KilledLedger], str]]]:
    dense, mixture, quiet = models["dense"], models["mixture"], SilentProgress()

    def interventions(options: InterventionOptions, ledger: KilledLedger, cut: WindowOptions = CUT) -> str:
        work = plan_super_weight_cards(dense, found, text, windows=cut, options=options)
        return str([card.model_dump_json() for card in finish(work, ledger, quiet).cards])

    def cascades(options: CascadeOptions, ledger: KilledLedger) -> str:
        work = plan_cascade(dense, found, text, options=options)
        return str([one.model_dump_json() for one in finish(work, ledger, quiet).results])

    def detection(loaded, options: DetectOptions, ledger: KilledLedger) -> str:
        result = detect(loaded, text, options=options, ledger=ledger)
        return result.model_copy(update={"timings": {}}).model_dump_json()

    return {
        "detection": (SEARCH, lambda options, ledger: detection(dense, options, ledger)),
        "experts": (SEARCH, lambda options, ledger: detection(mixture, options, ledger)),
        "evaluation": (
            MEASURED,
            lambda options, ledger: evaluate(
                dense, found, text=text, options=options, ledger=ledger
            ).analysis.model_dump_json(),
        ),
        "interventions": (CARDS, interventions),
        "windows": (CUT, lambda cut, ledger: interventions(CARDS, ledger, cut)),
        "cascade": (FOLLOWED, cascades),
    }


def _cases() -> list[tuple[str, str]]:
    groups = {
        "detection": [one.name for one in options_of(DetectOptions) if one.name not in EXPERT_OPTIONS],
        "experts": sorted(EXPERT_OPTIONS),
        # what is skipped is not given to the plain function
        "evaluation": [one.name for one in options_of(EvaluateOptions) if one.name != "skip_perplexity"],
        "interventions": [one.name for one in options_of(InterventionOptions)],
        "windows": [one.name for one in options_of(WindowOptions)],
        "cascade": [one.name for one in options_of(CascadeOptions) if one.name in ("layers", "batch_size")],
    }
    return [(analysis, name) for analysis, names in groups.items() for name in names]


@pytest.fixture(scope="module")
def first_runs(analyses) -> dict[str, tuple[str, KilledLedger]]:
    """Records and ledger of each analysis before anything is flipped, made when they are asked for."""
    return {}


@pytest.mark.parametrize(("analysis", "name"), _cases())
def test_a_flip_changes_what_the_option_says(analysis, name, analyses, first_runs):
    base, run = analyses[analysis]
    if analysis not in first_runs:
        ledger = KilledLedger()
        first_runs[analysis] = (run(base, ledger), ledger)
    before, ledger = first_runs[analysis]
    (declared,) = (one for one in options_of(type(base)) if one.name == name)
    other = HERE.get(name) or flipped(name, declared.write(getattr(base, declared.field)))[name]
    value = declared.read(other)
    n_before = len(ledger.computed)
    after = run(replace(base, **{declared.field: value}), ledger)
    computed = ledger.computed[n_before:]
    assert len(set(ledger.computed)) == len(ledger.computed), "a finished item is computed again"
    if declared.option.changes == "records":
        assert computed == []
    acts = declared.field not in base.idle() and declared.option.changes != "nothing"
    # another batch size computes other items, whose numbers may be equal to the bit
    assert (after != before or computed != []) == acts
    assert after != before or not acts or name == "batch_size"
