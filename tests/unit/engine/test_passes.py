"""A pass over windows in items: what their keys hold, and what is shared."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from swa.engine.ledger import MemoryLedger
from swa.engine.measures.lens import LensTarget
from swa.engine.measures.passes import WindowPass
from swa.engine.measures.text_windows import batched_windows
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.progress import SilentProgress
from tests.support.evaluating import reading_model
from tests.support.tiny_loaded import text_of

TEXT = text_of(300)


def variants_of(loaded, n: int = 6, *, factor: float = 0.0) -> list[Variant]:
    site = loaded.sites.sites[1]
    return [Variant(f"v{col}", (ScaleEntries(site, 3, col, factor),)) for col in range(n)]


def pass_of(loaded, variants, *, batch_size=2, window_len=40, **details) -> WindowPass:
    laid = batched_windows(
        loaded, TEXT, tokens=80, window_len=window_len, stride=20, drop_first_token=False, batch_size=batch_size
    )
    return WindowPass(loaded, laid, variants, title="Pass", progress=SilentProgress(), **details)


def run(a_pass: WindowPass, ledger: MemoryLedger) -> int:
    """Number of items that were missing."""
    missing = [item for item in a_pass.round().items if not ledger.has(item.key)]
    for item in missing:
        ledger.put(item.key, item.compute(lambda: None))
    return len(missing)


def keys(a_pass: WindowPass) -> list[str]:
    return [item.key for item in a_pass.round().items]


@pytest.fixture(scope="module")
def loaded():
    return reading_model("llama", context_length=64)


def test_a_batch_and_four_variants_are_an_item(loaded):
    found = pass_of(loaded, variants_of(loaded)).round()
    assert [item.n_steps for item in found.items] == [5, 3] * 2
    offloaded = dataclasses.replace(loaded, offloaded=True)
    assert [item.n_steps for item in pass_of(offloaded, variants_of(loaded)).round().items] == [7] * 2


def test_the_intact_model_runs_once_a_batch(loaded):
    counts = []
    hook = loaded.model.model.layers[0].mlp.register_forward_hook(lambda *_: counts.append(1))  # no variant reaches it
    n_calls = []
    for n in (4, 7):
        counts.clear()
        run(pass_of(loaded, variants_of(loaded, n)), MemoryLedger())
        n_calls.append(len(counts))
    hook.remove()
    assert n_calls[0] == n_calls[1]


def test_sums_are_those_of_one_variant_after_the_other(loaded):
    variants, ledger = variants_of(loaded), MemoryLedger()
    whole = pass_of(loaded, variants, shifted=variants[2:])
    run(whole, ledger)
    sums = whole.sums(ledger)
    assert set(sums.p) == {"baseline", *(variant.name for variant in variants[2:])}
    for variant in variants:
        alone = pass_of(loaded, [variant], shifted=[variant])
        run(alone, ledger)
        found = alone.sums(ledger)
        np.testing.assert_array_equal(found.metrics[variant.name], sums.metrics[variant.name])
        np.testing.assert_array_equal(found.metrics["baseline"], sums.metrics["baseline"])
        np.testing.assert_array_equal(found.n_targets, sums.n_targets)
        if variant.name in sums.p:
            np.testing.assert_array_equal(found.p[variant.name], sums.p[variant.name])
            np.testing.assert_array_equal(found.logp["baseline"], sums.logp["baseline"])


def test_names_change_nothing(loaded):
    ledger = MemoryLedger()
    variants = variants_of(loaded)
    run(pass_of(loaded, variants), ledger)
    renamed = pass_of(loaded, [dataclasses.replace(variant, name=f"other {variant.name}") for variant in variants])
    assert run(renamed, ledger) == 0
    assert set(renamed.sums(ledger).metrics) == {"baseline", *(f"other v{col}" for col in range(6))}


def test_more_variants_behind_keep_what_is_finished(loaded):
    ledger = MemoryLedger()
    assert run(pass_of(loaded, variants_of(loaded, 4)), ledger) == 2
    assert run(pass_of(loaded, variants_of(loaded, 7)), ledger) == 2


def test_whatever_acts_is_in_the_keys(loaded):
    variants = variants_of(loaded, 2)
    target = LensTarget("model.layers", (0, 1), 1, 3)
    passes = [
        pass_of(loaded, variants),
        pass_of(loaded, variants[::-1]),
        pass_of(loaded, variants_of(loaded, 2, factor=2.0)),
        pass_of(loaded, variants, batch_size=3),
        pass_of(loaded, variants, window_len=30),
        pass_of(loaded, variants, shifted=variants[:1]),
        pass_of(loaded, variants, shifted=variants[1:]),
        pass_of(loaded, variants, stopword_ids=[7]),
        pass_of(loaded, variants, lens={variants[0]: target}),
        pass_of(loaded, variants, lens={variants[0]: target._replace(layers=(0, 2))}),
        pass_of(loaded, variants, lens={variants[0]: target._replace(row=4)}),
        pass_of(dataclasses.replace(loaded, fingerprint="1" * 64), variants),
    ]
    of_all = [key for one in passes for key in keys(one)]
    assert len(set(of_all)) == len(of_all)
