"""Stand-ins for `swa evaluate`: a model of one matrix, tasks without lm-eval, numbers without a forward pass."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import torch
from torch import nn

from swa.errors import UsageError
from swa.evaluation.analysis import Evaluation
from swa.evaluation.options import EvaluateOptions
from swa.models.discovery.sites import Site, SiteMap
from swa.schemas.evaluation import ItemRecord
from swa.store.ledger import Answer
from tests.support.evaluation_records import analysis
from tests.unit.cli.fakes import Machinery

WEIGHT = 5.876
KNOWN_TASKS = ("hellaswag", "arc_easy", "mmlu", "gsm8k", "builtin", "odd/task:1")


def _network() -> nn.Module:
    layer = nn.Module()
    layer.mlp = nn.Module()
    layer.mlp.down_proj = nn.Linear(1500, 600, bias=False)
    nn.init.constant_(layer.mlp.down_proj.weight, WEIGHT)
    model = nn.Module()
    model.model = nn.Module()
    model.model.layers = nn.ModuleDict({"11": layer})
    model.config = SimpleNamespace(model_type="llama")
    return model.requires_grad_(False)


SITES = SiteMap(
    (
        Site(
            layer=11,
            stack="model.layers",
            kind="mlp_out",
            expert=None,
            module="model.layers.11.mlp.down_proj",
            parameter="weight",
            d_model=600,
            d_ff=1500,
            strides=(1500, 1),
            offset=0,
        ),
    ),
    {"model.layers": 12},
    600,
)


class EvaluateMachinery(Machinery):
    """What `swa evaluate` calls, replaced.

    Attributes:
        evaluated: One entry for each call of the analysis: model, super weights, text, tasks, options.
        computed: Parts that were computed, not found in the ledger.
        tasks_loaded: Arguments of each loading of tasks.
        checked: Names that were checked.
        dies_after: Number of computed parts after which the process is interrupted.
        notes: What the analysis says.
        order: What happened, in order.
    """

    figures = (*Machinery.figures, "impact_comparison", "combined_analysis", "model_comparison")

    def __init__(self) -> None:
        super().__init__()
        self.evaluated: list[SimpleNamespace] = []
        self.computed: list[str] = []
        self.tasks_loaded: list[dict] = []
        self.checked: list[list[str]] = []
        self.dies_after: int | None = None
        self.notes: tuple[str, ...] = ()
        self.order: list[str] = []
        self.network = _network()

    def load_model(self, checkpoint, **details):
        self.order.append("model")
        loaded = super().load_model(checkpoint, **details)
        loaded.dtype = torch.float32 if details["dtype"] == "auto" else getattr(torch, details["dtype"])
        loaded.model, loaded.sites = self.network, SITES
        return loaded

    def check_tasks(self, names):
        self.order.append("check")
        self.checked.append(list(names))
        for name in names:
            if name not in KNOWN_TASKS:
                raise UsageError(f"There is no task '{name}'.", hint="Did you mean hellaswag?")

    def load_tasks(self, names, **details):
        self.order.append("tasks")
        self.tasks_loaded.append({"names": list(names), **details})
        return [SimpleNamespace(name=name, n_items=details["n_items"]) for name in names]

    def load_text(self, dataset, *, data_dir=None):
        self.order.append("text")
        return super().load_text(dataset, data_dir=data_dir)

    def evaluate(self, loaded, super_weights, *, text, tasks, options: EvaluateOptions, progress, ledger) -> Evaluation:
        self.order.append("evaluate")
        self.evaluated.append(
            SimpleNamespace(model=loaded.name, weights=list(super_weights), text=text, tasks=tasks, options=options)
        )
        for unit in [*(["perplexity"] if text else []), *(task.name for task in tasks)]:
            content = f"{unit} of {loaded.name} with seed {options.seed}"
            self._answer(ledger, unit, hashlib.sha256(content.encode()).hexdigest())
        progress.info("measured")
        found = analysis(
            super_weights,
            tasks=[task.name for task in tasks],
            with_text=text is not None,
            scales=options.scales,
            model=loaded.name,
        )
        left_out = {} if options.individual else {"individual": []}
        left_out |= {} if options.combined else {"combined": []}
        found = found.model_copy(update=left_out)
        variants = ["baseline", *(one.variant for one in [*found.individual, *found.combined])]
        items = {task.name: {variant: [_item(task.name, variant)] for variant in variants} for task in tasks}
        return Evaluation(found, items, self.notes)

    def replacements(self) -> dict[str, object]:
        return super().replacements() | {
            "swa.evaluation.analysis.evaluate": self.evaluate,
            "swa.evaluation.harness.catalogue.check_tasks": self.check_tasks,
            "swa.evaluation.harness.catalogue.task_names": lambda: ["arc_easy", "hellaswag"],
            "swa.evaluation.harness.tasks.load_tasks": self.load_tasks,
        }

    def _answer(self, ledger, unit: str, key: str) -> None:
        if ledger.has(key):
            return
        if self.dies_after is not None and len(self.computed) >= self.dies_after:
            raise KeyboardInterrupt
        self.computed.append(unit)
        ledger.put(key, Answer({"of": unit}))


def _item(task: str, variant: str) -> ItemRecord:
    return ItemRecord(
        task=task, group=task, variant=variant, doc_id=3, doc_hash="0" * 64, target="B", metrics={"acc": 1.0}
    )
