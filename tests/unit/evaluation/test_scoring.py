"""Answers become values of items and metrics, variant after variant, and nothing stays behind."""

from __future__ import annotations

import copy
import math

import pytest

from swa.evaluation.harness.aggregation import aggregate, item_values
from swa.evaluation.harness.metrics import chance, leaf_metric, main_metric, metric_names
from swa.evaluation.harness.scoring import score
from swa.evaluation.harness.tasks import LeafTask, RequestedTask, load_tasks
from swa.evaluation.item_records import item_records
from swa.schemas.evaluation import ItemRecord
from tests.unit.evaluation.tiny_data import HashLM, Notes, arc_copy, write_parquet

pytestmark = pytest.mark.usefixtures("no_hub")


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copies")
    arc_copy(folder, test=12)
    arc_copy(folder, config="ARC-Challenge", test=4)
    write_parquet(
        folder / "gsm8k/main/train-00000-of-00001.parquet",
        [{"question": f"train {i}?", "answer": f"So it is. #### {i}"} for i in range(9)],
    )
    write_parquet(
        folder / "gsm8k/main/test-00000-of-00001.parquet",
        [{"question": f"test {i}?", "answer": f"So it is. #### {i}"} for i in range(6)],
    )
    pages = [{"page": f" = Page {i} = \n words of {i} . \n"} for i in range(4)]
    write_parquet(folder / "wikitext_document_level/wikitext-2-raw-v1/wikitext-2-raw-v1-test.parquet", pages)
    return folder


@pytest.fixture
def load(copies):
    def loaded(name, n_items=100) -> RequestedTask:
        (requested,) = load_tasks([name], n_items=n_items, seed=0, num_fewshot=None, data_dir=copies, progress=Notes())
        return requested

    return loaded


def _scored(requested, model=None):
    return {leaf.name: score(leaf, (model or HashLM()).answers(leaf)) for leaf in requested.leaves}


class TestScore:
    def test_variants_do_not_see_each_other(self, load):
        for name in ("arc_easy", "gsm8k", "wikitext"):
            requested = load(name)
            first = _scored(requested, HashLM("a"))
            second = _scored(requested, HashLM("b"))
            assert first != second
            assert _scored(requested, HashLM("a")) == first
            assert all(not i.resps and not i.filtered_resps for i in requested.leaves[0].task.instances)

    def test_a_failure_leaves_no_answers_behind(self, load):
        (leaf,) = load("arc_easy").leaves
        with pytest.raises(ValueError, match="zip"):
            score(leaf, HashLM().answers(leaf)[:-1])
        assert all(not i.resps for i in leaf.task.instances)

    def test_scoring_code_may_write_into_documents(self, load, monkeypatch):
        (leaf,) = load("arc_easy").leaves
        original = leaf.task.process_results

        def writing(doc, results):
            values = original(doc, results)
            doc["question"] = "gone"
            return values

        before = score(leaf, HashLM().answers(leaf))
        monkeypatch.setattr(leaf.task, "process_results", writing)
        docs = copy.deepcopy([instance.doc for instance in leaf.task.instances])
        assert score(leaf, HashLM().answers(leaf)) == before
        assert [instance.doc for instance in leaf.task.instances] == docs

    def test_an_item_of_choices(self, load):
        (leaf,) = load("arc_easy").leaves
        answers = HashLM().answers(leaf)
        item = score(leaf, answers)[1]
        assert item.doc_id == leaf.doc_ids[1]
        assert item.loglikelihoods == tuple(value for value, _ in answers[4:8])
        assert item.target == str(item.doc_id % 4)
        assert item.generation is None
        assert set(item.values) == {"acc", "acc_norm"}
        assert item.correct is (item.values["acc_norm"] == 1)

    def test_an_item_of_generation_has_every_filter(self, load):
        (leaf,) = load("gsm8k").leaves
        answers = [f"First 3, then #### {doc_id}" if doc_id % 2 else f"It is {doc_id}" for doc_id in leaf.doc_ids]
        items = score(leaf, answers)
        assert [item.generation for item in items] == answers
        assert [item.values["exact_match,strict-match"] for item in items] == [0, 1, 0, 1, 0, 1]
        assert [item.values["exact_match,flexible-extract"] for item in items] == [1] * 6
        assert [item.correct for item in items] == [False, True] * 3
        assert items[0].loglikelihoods is None

    def test_a_document_has_no_right_answer(self, load):
        (leaf,) = load("wikitext").leaves
        item = score(leaf, [-10.0, -20.0, -30.0, -40.0])[2]
        assert item.loglikelihoods == (-30.0,)
        assert item.target == ""
        assert item.correct is None
        assert item.values["word_perplexity"] == (-30.0, 10)

    def test_of_several_answers_the_first_is_kept(self, load):
        (leaf,) = load("gsm8k", n_items=2).leaves
        for instance in leaf.task.instances:
            instance.repeats = 2
        items = score(leaf, ["one", "two", "three", "four"])
        assert [item.generation for item in items] == ["one", "three"]

    def test_choices_without_their_question_are_no_choices(self, load, monkeypatch):
        (leaf,) = load("arc_easy", n_items=1).leaves
        monkeypatch.setattr(leaf.task, "_aggregation_list", {"acc_mutual_info": None})
        monkeypatch.setattr(leaf.task, "process_results", lambda doc, results: {})
        (item,) = score(leaf, [(-1.0, False), (-2.0, False), (-3.0, False), (-4.0, False)])
        assert item.loglikelihoods == (-1.0, -2.0)

    @pytest.mark.parametrize("value", [math.nan, -math.inf])
    def test_broken_variants_are_scored(self, load, value):
        requested = load("arc_easy")
        (leaf,) = requested.leaves
        items = score(leaf, [(value, False)] * len(leaf.requests))
        assert all(item.correct in (True, False) for item in items)
        assert aggregate(requested, {leaf.name: items})["acc"] == pytest.approx(0.25)


class TestMetrics:
    def test_names(self, load):
        assert metric_names(load("arc_easy").leaves[0]) == ["acc", "acc_norm"]
        names = metric_names(load("gsm8k").leaves[0])
        assert names == ["exact_match,strict-match", "exact_match,flexible-extract"]

    def test_main_metrics(self, load):
        assert main_metric(load("ai2_arc")) == "acc_norm"
        assert main_metric(load("wikitext")) == "word_perplexity"
        assert main_metric(load("builtin")) == "correct"
        assert [leaf_metric(leaf) for leaf in load("builtin").leaves] == ["acc", "exact_match"]

    def test_a_name_alone_makes_no_metric(self, load):
        (leaf,) = load("gsm8k").leaves
        assert leaf_metric(LeafTask("arc_like", leaf.task, leaf.doc_ids)) == "exact_match,strict-match"

    def test_chance(self, load, monkeypatch):
        assert chance(load("ai2_arc")) == 0.25
        assert chance(load("gsm8k")) == 0
        assert chance(load("wikitext")) is None
        assert chance(load("builtin")) == pytest.approx(16 * 0.25 / 24)
        requested = load("arc_easy")
        monkeypatch.setattr(requested.leaves[0].task, "_aggregation_list", {"f1": None})
        assert chance(requested) is None


class TestAggregate:
    def test_a_group_is_the_mean_over_its_items(self, load):
        requested = load("ai2_arc", n_items=24)
        assert sorted(len(leaf.doc_ids) for leaf in requested.leaves) == [4, 12]
        scored = _scored(requested)
        found = aggregate(requested, scored)
        items = [item for items in scored.values() for item in items]
        assert found == {
            metric: pytest.approx(sum(item.values[metric] for item in items) / 16) for metric in ("acc", "acc_norm")
        }
        values = item_values(requested, scored)
        assert values.is_right_or_wrong
        assert values.values == tuple(item.values["acc_norm"] for items in scored.values() for item in items)

    def test_a_mixed_group_counts_what_is_right(self, load):
        requested = load("builtin")
        scored = _scored(requested)
        right = [item.correct for leaf in requested.leaves for item in scored[leaf.name]]
        assert aggregate(requested, scored) == {"correct": sum(right) / 24}
        values = item_values(requested, scored)
        assert values.is_right_or_wrong
        assert values.values == tuple(right)
        assert values.aggregation([True, False, False, True]) == 0.5

    def test_in_a_mixed_group_an_item_that_is_neither_makes_no_mean(self, load):
        documents, choices = load("wikitext"), load("arc_easy")
        requested = RequestedTask("mixed", (*documents.leaves, *choices.leaves))
        scored = _scored(requested)
        assert main_metric(requested) == "correct"
        assert math.isnan(aggregate(requested, scored)["correct"])
        values = item_values(requested, scored)
        assert not values.is_right_or_wrong
        assert math.isnan(values.aggregation(list(values.values)))

    def test_other_metrics_are_aggregated_by_the_task(self, load):
        requested = load("wikitext")
        values = item_values(requested, {"wikitext": score(requested.leaves[0], [-10.0, -20.0, -30.0, -40.0])})
        assert not values.is_right_or_wrong
        assert values.aggregation(list(values.values)) == math.exp(100 / 40)
        assert values.aggregation([values.values[0]] * 2) == math.exp(20 / 20)

    def test_leaves_of_a_resample_are_weighted_by_what_was_drawn(self, load):
        parts = load("wikitext"), load("wikitext")
        leaves = [LeafTask(f"part_{i}", part.leaves[0].task, part.leaves[0].doc_ids) for i, part in enumerate(parts)]
        requested = RequestedTask("both", tuple(leaves))
        scored = {f"part_{i}": score(leaf, [-10.0 * (i + 1)] * 4) for i, leaf in enumerate(leaves)}
        values = item_values(requested, scored)
        whole = (4 * math.exp(1) + 4 * math.exp(2)) / 8
        assert values.aggregation(list(values.values)) == pytest.approx(whole)
        assert aggregate(requested, scored)["word_perplexity"] == pytest.approx(whole)
        drawn = [values.values[0], values.values[5], values.values[6]]
        assert values.aggregation(drawn) == pytest.approx((math.exp(1) + 2 * math.exp(2)) / 3)

    def test_a_perplexity_beyond_the_largest_float_is_infinite(self, load):
        requested = load("wikitext")
        found = aggregate(requested, {"wikitext": score(requested.leaves[0], [-1e6] * 4)})
        assert found["word_perplexity"] == math.inf

    def test_metrics_without_an_aggregation_or_a_value(self, load, monkeypatch):
        requested = load("arc_easy", n_items=3)
        (leaf,) = requested.leaves
        monkeypatch.setattr(
            leaf.task, "process_results", lambda doc, _: {"own": 2.0} if doc["answerKey"] != "A" else {}
        )
        scored = _scored(requested)
        found = aggregate(requested, scored)
        assert found.pop("own") == 2.0
        assert math.isnan(found.pop("acc_norm"))
        assert not found
        values = item_values(requested, scored)
        assert not values.is_right_or_wrong
        assert math.isnan(values.aggregation(list(values.values)))

    def test_zero_and_one_with_another_aggregation_than_the_mean_are_not_right_and_wrong(self, load, monkeypatch):
        requested = load("arc_easy")
        task = requested.leaves[0].task
        monkeypatch.setattr(task, "_aggregation_list", {"acc": sum, "acc_norm": sum})
        scored = _scored(requested)
        values = item_values(requested, scored)
        assert not values.is_right_or_wrong
        assert values.aggregation(list(values.values)) == aggregate(requested, scored)["acc_norm"] > 1


class TestRecords:
    def test_every_item_is_a_record(self, load):
        requested = load("ai2_arc", n_items=8)
        scored = _scored(requested)
        records = item_records(requested, scored, variant="sw_0")
        items = [(leaf.name, item) for leaf in requested.leaves for item in scored[leaf.name]]
        assert len(records) == len(items) == 8
        for record, (name, item) in zip(records, items, strict=True):
            assert (record.task, record.group, record.variant) == (name, "ai2_arc", "sw_0")
            assert (record.doc_id, record.doc_hash, record.target) == (item.doc_id, item.doc_hash, item.target)
            assert record.loglikelihoods == list(item.loglikelihoods)
            assert record.metrics == item.values
            assert record.correct is item.correct
            assert "generation" not in record.model_dump()
            assert ItemRecord.model_validate_json(record.model_dump_json()) == record

    def test_generations(self, load):
        requested = load("gsm8k")
        record = item_records(requested, _scored(requested), variant="baseline")[0]
        assert record.generation == HashLM().answers(requested.leaves[0])[0]
        assert "loglikelihoods" not in record.model_dump()
        assert set(record.metrics) == {"exact_match,strict-match", "exact_match,flexible-extract"}

    def test_a_document_gets_its_own_perplexity(self, load):
        requested = load("wikitext")
        scored = {"wikitext": score(requested.leaves[0], [-10.0, -20.0, -1e6, -40.0])}
        records = item_records(requested, scored, variant="baseline")
        assert records[0].metrics["word_perplexity"] == math.exp(1)
        assert records[0].metrics["bits_per_byte"] > 0
        assert records[2].metrics["word_perplexity"] == math.inf
        assert "correct" not in records[0].model_dump()

    def test_values_that_mean_something_only_together_are_left_out(self, load, monkeypatch):
        requested = load("arc_easy", n_items=1)
        (leaf,) = requested.leaves
        monkeypatch.setattr(leaf.task, "process_results", lambda *_: {"f1": (0, 1), "acc": True})
        (record,) = item_records(requested, _scored(requested), variant="baseline")
        assert record.metrics == {"acc": 1.0}
