"""The engine runs interventions of kinds that it does not know, and those that act in both arms of a comparison."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

import pytest
import torch

from swa.engine.ledger import item_key
from swa.engine.measures.reducers import LossReducer
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import Intervention, ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan
from swa.engine.variants.recording import hidden_of, with_hidden
from swa.models.loading.load import load_model
from tests.support.tiny_checkpoint import write_tiny_checkpoint
from tests.support.tiny_loaded import loaded_tiny
from tests.support.tiny_models import build

IDS = torch.randint(6, 100, (4, 24), generator=torch.Generator().manual_seed(1))
BATCH = TokenBatch.all_scored(IDS)


def layer_of(loaded, number):
    return loaded.model.get_submodule(f"{loaded.sites.sites[0].stack}.{number}")


@dataclass(frozen=True)
class LouderLayer(Intervention):
    """Multiplies what a layer returns, in place."""

    number: int
    factor: float

    def reach(self, loaded):
        return frozenset([layer_of(loaded, self.number)])

    @contextmanager
    def applied(self, loaded):
        handle = layer_of(loaded, self.number).register_forward_hook(self._hook)
        try:
            yield
        finally:
            handle.remove()

    @property
    def content(self):
        return ["louder layer", self.number, self.factor]

    def _hook(self, _layer, _args, output):
        hidden_of(output).mul_(self.factor)


@dataclass(frozen=True)
class LouderHead(Intervention):
    """Multiplies what goes into the head."""

    factor: float

    def reach(self, loaded):
        return frozenset()

    @contextmanager
    def applied(self, loaded):
        head = loaded.model.get_output_embeddings()
        handle = head.register_forward_pre_hook(lambda _head, args: (args[0] * self.factor,))
        try:
            yield
        finally:
            handle.remove()

    @property
    def content(self):
        return ["louder head", self.factor]


@dataclass(eq=False)
class FrozenLayer(Intervention):
    """A layer returns in all arms what it returns in the first."""

    number: int
    kept: list = field(default_factory=list)

    def reach(self, loaded):
        return frozenset([layer_of(loaded, self.number)])

    @contextmanager
    def applied(self, loaded):
        self.kept = kept = []
        with self.hooked(loaded, lambda _layer, _args, output: kept.append(hidden_of(output).clone())):
            yield

    @contextmanager
    def hooked(self, loaded, hook):
        handle = layer_of(loaded, self.number).register_forward_hook(hook)
        try:
            yield
        finally:
            handle.remove()

    @property
    def content(self):
        return ["frozen layer", self.number]

    def repeated(self):
        return ImposedLayer(self, tuple(self.kept))


@dataclass(frozen=True, eq=False)
class ImposedLayer(Intervention):
    frozen: FrozenLayer
    kept: tuple

    def reach(self, loaded):
        return self.frozen.reach(loaded)

    def applied(self, loaded):
        return self.frozen.hooked(loaded, lambda _layer, _args, output: with_hidden(output, self.kept[-1].clone()))

    @property
    def content(self):
        return self.frozen.content


def plain_losses(loaded, interventions):
    with ExitStack() as stack, torch.no_grad():
        for one in interventions:
            stack.enter_context(one.applied(loaded))
        logits = loaded.model(input_ids=IDS, use_cache=False).logits.double()
    return torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), IDS[:, 1:], reduction="none").sum(dim=1)


def scalar(loaded, number, factor=50.0):
    return ScaleEntries(next(site for site in loaded.sites if site.layer == number), 3, 5, factor)


def measured_as_by_a_plain_loop(loaded, plan):
    """Measure, compare with plain forwards, and see that nothing stays behind."""
    before = loaded.model(input_ids=IDS, use_cache=False).logits
    intact, *others = measured = plan.measure(BATCH, LossReducer())
    assert intact.variant == replace(Variant("baseline"), under=plan.variants[0].under)
    assert [one.variant for one in others] == list(plan.variants)
    for one in measured:
        expected = plain_losses(loaded, (*one.variant.under, *one.variant.interventions))
        assert one.result.nll == pytest.approx(expected, rel=2e-6)
    assert len({float(one.result.nll.sum()) for one in measured}) == len(measured)
    assert torch.equal(loaded.model(input_ids=IDS, use_cache=False).logits, before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in loaded.model.modules())
    return measured


@pytest.mark.parametrize("name", ["llama", "gpt2", "mixtral", "gemma2", "gemma4_text@double_wide"])
def test_a_kind_that_the_engine_does_not_know(name):
    loaded = loaded_tiny(name)
    variants = [
        Variant("first", (LouderLayer(0, 1.5),)),
        Variant("later", (LouderLayer(2, 0.5),)),
        Variant("with a scalar", (LouderLayer(2, 0.5), scalar(loaded, 3))),
        Variant("twice", (LouderLayer(1, 3.0), LouderLayer(1, -1.0))),
        Variant("head", (LouderHead(2.0),)),
    ]
    plan = ForwardPlan(loaded, variants)
    measured_as_by_a_plain_loop(loaded, plan)
    n_layers = loaded.sites.n_layers
    if "double_wide" not in name:  # whose layers cannot be shared
        assert plan.fallbacks == []
        assert plan.n_layer_calls == n_layers + n_layers + 2 * (n_layers - 2) + (n_layers - 1) + 0


@pytest.mark.parametrize("name", ["llama", "gpt2", "mixtral", "gemma4_text@double_wide"])
def test_what_lies_under_a_comparison_acts_in_both_arms(name):
    loaded = loaded_tiny(name)
    under = (LouderLayer(1, 1.5), LouderHead(1.2))
    scalars = [Variant(f"in {number}", (scalar(loaded, number),), under) for number in (0, 1, 2, 3)]
    plan = ForwardPlan(loaded, [*scalars, Variant("twice", (LouderLayer(1, 2.0),), under)])
    whole = measured_as_by_a_plain_loop(loaded, plan)
    if "double_wide" not in name:  # whose layers cannot be shared
        assert plan.fallbacks == []
    assert not torch.equal(whole[0].result.nll, plain_losses(loaded, ()))
    reducer = LossReducer()
    for start in (0, 2, 4):  # the intact model is kept, with what acts under it
        some = plan.measure(BATCH, reducer, variants=plan.variants[start : start + 2])
        expected = [whole[0], *whole[1:][start : start + 2]]
        assert all(torch.equal(a.result.nll, b.result.nll) for a, b in zip(some, expected, strict=True))


def test_what_the_first_arm_chooses_is_imposed_on_the_others():
    loaded = loaded_tiny("llama")
    under = (FrozenLayer(2),)
    variants = [Variant(f"in {number}", (scalar(loaded, number),), under) for number in (0, 2, 3)]
    plan = ForwardPlan(loaded, variants)
    for batch in BATCH.split(2):  # each batch has a first arm of its own
        intact, *frozen, behind = plan.measure(batch, LossReducer())
        assert all(torch.equal(one.result.nll, intact.result.nll) for one in frozen)
        assert not torch.equal(behind.result.nll, intact.result.nll)


@pytest.mark.parametrize("name", ["llama", "mixtral"])
def test_weights_on_disk(name, tmp_path):
    write_tiny_checkpoint(tmp_path / name, model=build(name))
    resident, on_disk = (
        load_model(str(tmp_path / name), max_memory=memory, cache_dir=tmp_path / "cache") for memory in (None, 0)
    )
    assert on_disk.offloaded

    def measured(loaded, under):
        variants = [
            Variant("head", (LouderHead(2.0),), under),
            Variant("later", (LouderLayer(2, 0.5),), under),
            Variant("scalar", (scalar(loaded, 0),), under),
            Variant("nothing", (scalar(loaded, 3, 1.0),), under),
        ]
        plan = ForwardPlan(loaded, variants)
        losses = torch.stack([one.result.nll for one in plan.measure(BATCH, LossReducer())])
        assert plan.fallbacks == []
        return losses

    for under in ((), (LouderLayer(1, 1.5),), (FrozenLayer(1),)):
        losses = measured(on_disk, under)
        torch.testing.assert_close(losses, measured(resident, under), rtol=1e-6, atol=1e-5)
        assert torch.equal(losses[4], losses[0])
        assert torch.equal(losses[3], losses[0]) == isinstance(next(iter(under), None), FrozenLayer)


def test_a_key_holds_what_acts_and_not_what_it_is_called():
    loaded = loaded_tiny("llama")
    one = Variant("one", (scalar(loaded, 1),))
    others = [
        replace(one, interventions=(scalar(loaded, 2),)),
        replace(one, interventions=(scalar(loaded, 1, 0.5),)),
        replace(one, interventions=(LouderLayer(1, 2.0),)),
        replace(one, under=(LouderLayer(1, 2.0),)),
    ]
    keys = {item_key("test", variant=variant.content) for variant in (one, *others)}
    assert len(keys) == 5
    assert item_key("test", variant=replace(one, name="other").content) in keys


def test_variants_that_lie_on_different_grounds_are_no_comparison():
    loaded = loaded_tiny("llama")
    with pytest.raises(AssertionError, match="under"):
        ForwardPlan(loaded, [Variant("a"), Variant("b", (), (LouderLayer(1, 2.0),))])
