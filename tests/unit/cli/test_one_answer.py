"""Terminal, `--json`, complete_analysis.json, report and compare: five outputs of one evaluation, one answer.

The evaluation has whatever misleads: NaN beside infinity beside numbers, a metric of which less is better, a candidate
that the confirmation refused and that costs most, edits that are no removals. The order of its entries must not matter.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from swa.cli.tables import evaluate_show, vocab_show
from swa.cli.terminal.output import Output
from swa.findings.vocabulary import model_summary
from swa.runs.driver.cards import Cards
from swa.runs.driver.step import Outcome
from swa.runs.files.evaluations import statistics_of
from swa.runs.inputs.given_weights import NamedWeights, from_record
from swa.schemas.evaluation import AccuracyImpact, BaselineAccuracy, ImpactRecord, ModelAnalysis
from tests.support.artifacts import analysis_record, detection_record, header, save, save_analysis, save_detection
from tests.support.cards import card
from tests.support.evaluation_records import perplexity
from tests.support.records import confirmation, super_weight

INF, NAN = math.inf, math.nan
NAMES = [f"L{layer}.mlp.down_proj[{layer},7]" for layer in range(4)]
BROKEN, OVERFLOWING, HARMFUL, REFUSED = NAMES
METRICS = {"hellaswag": "acc_norm", "wikitext": "word_perplexity"}
DROPS = {
    BROKEN: {"hellaswag": 0.2, "wikitext": -3.0},
    OVERFLOWING: {"hellaswag": NAN, "wikitext": -5.0},
    HARMFUL: {"hellaswag": 0.1, "wikitext": 2.0},
    REFUSED: {"hellaswag": 0.4, "wikitext": -100.0},
}
"""baseline − modified, as records hold it: word perplexity is worse where it grows."""


def _impact(coordinates, ratio, drops, *, variant="sw", factor=0.0, log_ratio=None):
    log = math.log(ratio) if log_ratio is None and 0 < ratio < INF else NAN if math.isnan(ratio) else log_ratio
    severity = "invalid" if math.isnan(ratio) else "catastrophic"
    return ImpactRecord(
        variant=variant,
        coordinates=list(coordinates),
        factor=factor,
        perplexity=perplexity(ratio, log_ratio=log, severity=severity),
        accuracy={
            task: AccuracyImpact(metric=METRICS[task], baseline=0.43, modified=0.43 - drop, drop=drop, n=100)
            for task, drop in drops.items()
        },
    )


SINGLES = (
    _impact([BROKEN], NAN, DROPS[BROKEN], variant="sw_0"),
    _impact([OVERFLOWING], INF, DROPS[OVERFLOWING], variant="sw_1", log_ratio=900.0),
    _impact([HARMFUL], 3.0, DROPS[HARMFUL], variant="sw_2"),
    _impact([REFUSED], INF, DROPS[REFUSED], variant="sw_3", log_ratio=2000.0),
    _impact([HARMFUL], 50.0, {"hellaswag": 0.42, "wikitext": -90.0}, variant="sw_2_x0.5", factor=0.5),
)
TOGETHER = [
    _impact(NAMES, 7.0, {"hellaswag": 0.3, "wikitext": -9.0}, variant="all_x0.5", factor=0.5),
    _impact(NAMES, INF, {"hellaswag": 0.42, "wikitext": -50.0}, variant="all", log_ratio=1200.0),
]
EXPECTED = {
    "largest_ratio": NAN,
    "combined_ratio": INF,
    "largest_drop_hellaswag": NAN,
    "largest_drop_wikitext": 5.0,
    "combined_drop_hellaswag": 0.42,
    "combined_drop_wikitext": 50.0,
}
MEAN_DROPS = {"hellaswag": NAN, "wikitext": (3.0 + 5.0 - 2.0) / 3}


def _analysis(singles) -> ModelAnalysis:
    weights = [
        super_weight(layer=index, coordinate=name, confirmation=confirmation(1.0, confirmed=name != REFUSED))
        for index, name in enumerate(NAMES)
    ]
    base = analysis_record("org/model", run=header("evaluate"))
    accuracy = {
        task: BaselineAccuracy(metric=metric, value=0.43, n=100, all_metrics={metric: 0.43})
        for task, metric in METRICS.items()
    }
    return base.model_copy(
        update={
            "family": "llama",
            "n_layers": 30,
            "super_weights": weights,
            "baseline": base.baseline.model_copy(update={"accuracy": accuracy}),
            "individual": list(singles),
            "combined": TOGETHER,
        }
    )


def _numbers(values: dict[str, float | str]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if name in EXPECTED}


@pytest.fixture(params=[(0, 1, 2), (1, 2, 0), (2, 0, 1)], ids=str)
def analysis(request) -> ModelAnalysis:
    return _analysis([*(SINGLES[index] for index in request.param), *SINGLES[3:]])


def test_json_and_terminal(analysis, capsys):
    done = Outcome(analysis, header("evaluate"), Path("results"), {"analysis": "analysis.json"}, is_new=True)
    outcome = json.loads(evaluate_show.command_result([done], {}, status="complete").model_dump_json())["models"][0]
    assert _numbers(outcome["headline"]) == pytest.approx(EXPECTED, nan_ok=True)
    evaluate_show.show(done, Output())
    lines = capsys.readouterr().out.splitlines()
    assert f"worst removal: invalid ({BROKEN}); all together: ∞ (log-ratio 1,200)" in lines
    assert f"largest drop in hellaswag: NaN ({OVERFLOWING}); all together: 0.420" in lines
    assert f"largest drop in wikitext: 5.000 ({OVERFLOWING}); all together: 50" in lines


def test_complete_analysis(analysis):
    statistics = statistics_of([analysis])
    (model,) = json.loads(statistics.model_dump_json())["models"]
    assert _numbers(model) == pytest.approx({name: EXPECTED[name] for name in _numbers(model)}, nan_ok=True)
    assert {"largest_ratio", "combined_ratio"} <= model.keys()
    assert float(model["combined_log_ratio"]) == 1200.0
    assert {task: float(drop) for task, drop in model["mean_drops"].items()} == pytest.approx(MEAN_DROPS, nan_ok=True)
    assert model["n_super_weights"] == 3


@pytest.fixture
def folder(analysis, tmp_path) -> Path:
    save_detection(tmp_path, detection_record("org/model", run=header()))
    save_analysis(tmp_path, analysis)
    return tmp_path


def test_report(folder, swa):
    called = swa("report", str(folder), "--json")
    assert called.code == 0, called.err
    numbers = _numbers(called.json["models"][0]["headline"])
    assert numbers == pytest.approx({name: EXPECTED[name] for name in numbers}, nan_ok=True)
    assert {"largest_ratio", "combined_ratio"} <= numbers.keys()
    text = (folder / "report.md").read_text()
    assert "- largest single ratio of perplexity: **invalid**" in text
    assert "- all removed together: **∞ (log-ratio 1,200)**" in text
    assert f"Without `{BROKEN}` perplexity goes from" in text
    assert f"hellaswag: largest drop NaN in acc_norm (`{OVERFLOWING}`" in text
    assert "wikitext: largest drop 5.000 in word_perplexity" in text


def test_compare(folder, swa):
    called = swa("compare", str(folder), "--output", str(folder / "comparison"), "--json")
    assert called.code == 0, called.err
    numbers = _numbers(called.json["models"][0]["headline"])
    assert numbers == pytest.approx({name: EXPECTED[name] for name in numbers}, nan_ok=True)
    assert {"largest_ratio", "combined_ratio"} <= numbers.keys()
    record = json.loads((folder / "comparison" / "comparison.json").read_text())
    (model,) = record["statistics"]["models"]
    assert float(model["largest_ratio"]) != float(model["largest_ratio"])
    (run,) = record["runs"]
    for drops in (run["mean_drops"], model["mean_drops"]):
        assert {task: float(drop) for task, drop in drops.items()} == pytest.approx(MEAN_DROPS, nan_ok=True)
    assert {task: float(drop) for task, drop in run["combined_drops"].items()} == {"hellaswag": 0.42, "wikitext": 50.0}
    assert "| evaluation | invalid |" in (folder / "comparison" / "comparison.md").read_text()


class TestCards:
    """The costliest card is of a candidate that removal refused: it is shown, and is not what a command reports."""

    CANDIDATES = (
        super_weight(layer=2, coordinate=HARMFUL, confirmation=confirmation(1.0)),
        super_weight(layer=3, coordinate=REFUSED, confirmation=confirmation(1.0, confirmed=False)),
    )
    CARDS = tuple(card(weight, coordinate=weight.coordinate, scale=weight.layer) for weight in CANDIDATES)

    def test_json(self):
        named = NamedWeights(tuple(map(from_record, self.CANDIDATES)), "detection.json", {}, self.CANDIDATES)
        found = Cards(self.CARDS, [], model_summary("org/model", self.CARDS, [], threshold=None))
        done = Outcome(found, header("vocab"), Path("results"), {}, is_new=True, named=named)
        (model,) = vocab_show.command_result([done], {}, status="complete").models
        assert (model.n_candidates, model.n_confirmed, model.headline["largest_delta_loss"]) == (2, 1, 2.0)

    def test_report(self, tmp_path, swa):
        record = detection_record("org/model", run=header()).model_copy(update={"super_weights": list(self.CANDIDATES)})
        save_detection(tmp_path, record)
        save(tmp_path / "metrics/super_weights/super_weights.jsonl", *self.CARDS)
        called = swa("report", str(tmp_path), "--json")
        assert called.code == 0, called.err
        assert called.json["models"][0]["headline"]["largest_card_delta_loss"] == 2.0
        text = (tmp_path / "report.md").read_text()
        assert f"Of the cards, `{HARMFUL}` costs most" in text
        assert "- largest Δ loss of a card: **+2.00**" in text
