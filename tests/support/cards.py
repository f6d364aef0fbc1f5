"""Cards and cascades as the analyses would make them."""

from __future__ import annotations

from collections.abc import Sequence

from swa.models.discovery.sites import Site
from swa.schemas.cards import CascadeBlock, NeuronCard, SuperWeightCard
from swa.schemas.cascade import CascadeResult
from swa.schemas.detection import SuperWeight

METRICS = ("loss", "entropy", "topk_margin", "stopword_mass", "logit_margin")


def metrics(scale: float = 1.0) -> dict[str, float]:
    return dict(zip(METRICS, (scale, 0.5 * scale, -0.1 * scale, -0.02 * scale, -0.4 * scale), strict=True))


def interval(value: float, n_windows: int = 58) -> dict[str, float]:
    return {"mean": value, "ci_2.5": value - 0.2, "ci_97.5": value + 0.2, "n_windows": n_windows}


def shift(number: int, text: str, delta: float) -> dict:
    p = 0.1 / (number + 1)
    values = {"delta_p": delta, "delta_logp": 10 * delta, "p_baseline": p, "p_modified": p + delta}
    return {"id": number, "tok": text.replace(" ", "Ġ"), "str": text, **values}


def block(layers: Sequence[int] = (0, 10, 11)) -> CascadeBlock:
    values = [0.0 if layer < 11 else 0.1 * (layer - 10) for layer in layers]
    return CascadeBlock(
        layers=list(layers), delta_entropy=values, delta_margin=[-0.1 * value for value in values], kl=values
    )


def card(weight: SuperWeight, *, scale: float = 1.94, controls=((1, 2), (3, 4), (5, 6)), **fields) -> SuperWeightCard:
    values = {
        "model": weight.model,
        "tensor": {"mlp_out": "mlp_out", "expert": "expert_out"}.get(weight.site, "shared_expert_out"),
        "layer": weight.layer,
        "row": weight.row,
        "col": weight.col,
        "expert": weight.expert,
        "module": weight.module,
        "weight": weight.weight,
        "baselines": metrics(3.05),
        "deltas": metrics(scale),
        "controls": {
            "random_coord_delta": metrics(0.0011),
            "random_coord_std": metrics(0.0007),
            "random_coord_max": metrics(0.0021),
            "random_coords": list(controls),
            "neuron_zero_delta": metrics(1.1 * scale),
        },
        "token_shifts": {
            "up": [shift(1, " the", 0.02), shift(2, "\n", 0.01)],
            "down": [shift(3, " Apple", -0.03)],
            "total_variation": 0.21,
        },
    }
    return SuperWeightCard.model_validate(values | fields)


def neuron_card(site: Site, number: int, *, model: str = "fake/model", label: str = "prediction", **fields):
    moments = {"var": 2.34, "skew": 1.12, "kurt": 30.5}
    values = {
        "model": model,
        "layer": site.layer,
        "neuron": number,
        "expert": site.expert,
        "module": site.module,
        "moments": moments,
        "top_tokens_up": [{"id": 1, "tok": "Ġthe", "str": " the", "effect": 1.23}],
        "top_tokens_down": [{"id": 2, "tok": "=cmd()", "str": "=cmd()", "effect": -0.89}],
        "label": label,
        "percentiles": {"var": 99.1, "kurt": 97.0},
    }
    return NeuronCard.model_validate(values | fields)


def cascade_result(weight: SuperWeight, layers: Sequence[int] = (0, 10, 11), **fields) -> CascadeResult:
    values = [float(layer) for layer in layers]
    names = ("delta_logit_margin", "residual_cosine", "residual_norm_ratio", "h_row_baseline", "h_row_removed")
    place = {name: getattr(weight, name) for name in ("model", "layer", "site", "expert", "row", "col", "module")}
    given = {"coordinate": weight.coordinate, "cascade": block(layers), **dict.fromkeys(names, values)}
    return CascadeResult(**(place | given | fields))


def site(layer: int, *, kind="mlp_out", expert=None, module=None, stack="model.layers", n_rows=600, n_cols=1500):
    return Site(
        layer=layer,
        stack=stack,
        kind=kind,
        expert=expert,
        module=module or f"{stack}.{layer}.mlp.down_proj",
        parameter="weight",
        d_model=n_rows,
        d_ff=n_cols,
        strides=(n_cols, 1),
        offset=0,
    )


SITE = site(11)
