"""Records that the tests of figures start from."""

from __future__ import annotations

import math

from swa.findings.severity import accuracy_severity, perplexity_severity
from swa.schemas.evaluation import (
    AccuracyImpact,
    Baseline,
    BaselineAccuracy,
    BaselinePerplexity,
    CrossModelStatistics,
    ImpactRecord,
    ModelAnalysis,
    ModelStatistics,
    PerplexityImpact,
)

INF, NAN = math.inf, math.nan
LONG = "/home/someone/checkpoints/2026-01-01_a-very-long-run-name/meta-llama--Llama-3.2-11B-$x_1$-step-120000"


def perplexity_impact(ratio: float, low: float | None = None, high: float | None = None, **fields) -> PerplexityImpact:
    interval = {} if low is None else {"ratio_ci_2.5": low, "ratio_ci_97.5": high}
    return PerplexityImpact(
        baseline=20.0,
        modified=20.0 * ratio,
        ratio=ratio,
        increase=20.0 * ratio - 20.0,
        severity=perplexity_severity(ratio),
        **interval,
        **fields,
    )


def accuracy_impact(
    drop: float, low: float | None = None, high: float | None = None, *, rated: bool = True, intact: float = 0.6
):
    rating = {"severity": accuracy_severity(drop), "chance": 0.25} if rated else {}
    if low is not None:
        rating |= {"drop_ci_2.5": low, "drop_ci_97.5": high, "not_significant": low <= 0 <= high}
    return AccuracyImpact(metric="acc", baseline=intact, modified=intact - drop, drop=drop, n=100, **rating)


def impact_record(variant: str, *coordinates: str, factor: float = 0.0, perplexity=None, **tasks) -> ImpactRecord:
    parts = {} if perplexity is None else {"perplexity": perplexity}
    if tasks:
        parts["accuracy"] = tasks
    return ImpactRecord(variant=variant, coordinates=list(coordinates), factor=factor, **parts)


def model_analysis(individual, combined=(), *, perplexity=20.0, tasks=("mmlu",), model="a/model") -> ModelAnalysis:
    parts = {}
    if perplexity is not None:
        parts["perplexity"] = BaselinePerplexity(value=perplexity, n_texts=500, n_tokens=9000, protocol="paragraphs")
    if tasks:
        parts["accuracy"] = {task: BaselineAccuracy(metric="acc", value=0.6, n=100, all_metrics={}) for task in tasks}
    return ModelAnalysis(model=model, baseline=Baseline(**parts), individual=list(individual), combined=list(combined))


L2, L11 = "L2.mlp.down_proj[507,90]", "L11.mlp.down_proj[507,1229]"
RECORD = model_analysis(
    [
        impact_record("sw_0", L11, perplexity=perplexity_impact(6.0, 5.5, 6.5), mmlu=accuracy_impact(0.25, 0.15, 0.35)),
        impact_record("sw_1", L2, perplexity=perplexity_impact(1.2, 0.9, 1.3), mmlu=accuracy_impact(0.02, -0.03, 0.08)),
    ],
    [
        impact_record(
            "all", L11, L2, perplexity=perplexity_impact(12.0, 10.0, 14.0), mmlu=accuracy_impact(0.3, 0.2, 0.4)
        )
    ],
)


def model_statistics(name: str, n: int, *, largest=None, combined=None, drops=None) -> ModelStatistics:
    parts = {}
    if largest is not None:
        parts |= {"largest_ratio": largest, "largest_log_ratio": 900.0 if largest == INF else math.log(largest)}
    if combined is not None:
        parts |= {"combined_ratio": combined, "combined_log_ratio": math.log(combined)}
    if drops:
        parts["mean_drops"] = drops
    return ModelStatistics(model=name, family="llama", n_super_weights=n, depths=[0.1] * n, **parts)


def over_models(*models: ModelStatistics, **fields) -> CrossModelStatistics:
    return CrossModelStatistics(
        n_models=len(models),
        n_with_super_weights=sum(m.n_super_weights > 0 for m in models),
        models=list(models),
        **fields,
    )


THREE = [
    model_statistics("a/model", 3, largest=6.0, combined=30.0, drops={"mmlu": 0.2, "gsm8k": 0.1}),
    model_statistics("none", 0),
    model_statistics(LONG, 1, largest=INF, combined=NAN, drops={"mmlu": -0.02}),
]
