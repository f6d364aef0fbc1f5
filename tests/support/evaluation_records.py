"""Records as an evaluation would make them."""

from __future__ import annotations

from collections.abc import Sequence

from swa.schemas.detection import SuperWeight
from swa.schemas.evaluation import (
    AccuracyImpact,
    Baseline,
    BaselineAccuracy,
    BaselinePerplexity,
    ImpactRecord,
    ModelAnalysis,
    PerplexityImpact,
)


def perplexity(ratio: float = 6.05, **fields) -> PerplexityImpact:
    values = {
        "baseline": 21.3,
        "modified": 21.3 * ratio,
        "ratio": ratio,
        "increase": 21.3 * (ratio - 1),
        "ratio_ci_2.5": 0.9 * ratio,
        "ratio_ci_97.5": 1.1 * ratio,
        "severity": "severe" if ratio > 3 else "minimal",
    }
    return PerplexityImpact(**(values | fields))


def accuracy(drop: float = 0.12, **fields) -> AccuracyImpact:
    values = {
        "metric": "acc_norm",
        "baseline": 0.43,
        "modified": 0.43 - drop,
        "drop": drop,
        "drop_ci_2.5": drop - 0.08,
        "drop_ci_97.5": drop + 0.08,
        "mcnemar_p": 0.01,
        "chance": 0.25,
        "n": 100,
        "severity": "moderate" if drop > 0.1 else "minimal",
        "not_significant": abs(drop) < 0.08,
    }
    return AccuracyImpact(**(values | fields))


def impact(variant: str, coordinates: Sequence[str], *, factor: float = 0.0, ratio=6.05, tasks=(), drop=0.12, **fields):
    values = {"variant": variant, "coordinates": list(coordinates), "factor": factor}
    if ratio is not None:
        values["perplexity"] = perplexity(ratio)
    if tasks:
        values["accuracy"] = {task: accuracy(drop) for task in tasks}
    return ImpactRecord(**(values | fields))


def analysis(weights: Sequence[SuperWeight], *, tasks=("hellaswag",), with_text=True, scales=(0.0,), **fields):
    """What was measured of some super weights: the first costs most."""
    baseline = {}
    if with_text:
        baseline["perplexity"] = BaselinePerplexity(value=21.3, n_texts=500, n_tokens=61234, protocol="paragraphs")
    if tasks:
        intact = BaselineAccuracy(metric="acc_norm", value=0.43, n=100, all_metrics={"acc_norm": 0.43})
        baseline["accuracy"] = dict.fromkeys(tasks, intact)
    coordinates = [weight.coordinate for weight in weights]

    def variant(name, which, factor, size):
        full = name if factor == 0 else f"{name}_x{factor:g}"
        return impact(full, which, factor=factor, ratio=1 + size if with_text else None, tasks=tasks, drop=0.03 * size)

    values = {
        "model": weights[0].model if weights else "fake/model",
        "super_weights": list(weights),
        "baseline": Baseline(**baseline),
        "individual": [
            variant(f"sw_{number}", [text], factor, 5.05 / (number + 1))
            for number, text in enumerate(coordinates)
            for factor in scales
        ],
        "combined": [variant("all", coordinates, factor, 9.0) for factor in scales] if weights else [],
    }
    return ModelAnalysis(**(values | fields))
