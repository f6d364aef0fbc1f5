"""Texts and windows: what is measured on is exactly what was asked for."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch
from datasets.exceptions import DataFilesNotFoundError, DatasetNotFoundError
from hypothesis import given
from hypothesis import strategies as st

from swa.data.scoring import plan_windows, window_ids
from swa.data.sources import TextSource, load_text
from swa.data.windows import detection_windows, special_prefix, token_stream
from swa.errors import UnavailableError, UnsupportedModelError, UsageError
from tests.support.tiny_loaded import WordTokenizer


class WithBos(WordTokenizer):
    def __call__(self, text, *, return_tensors=None, add_special_tokens=True, **_):
        ids = super().__call__(text)["input_ids"]
        ids = [1, *ids, 2] if add_special_tokens else ids
        return {"input_ids": torch.tensor([ids]) if return_tensors else ids}


def _parquet(path, rows, column="text"):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({column: rows}), path)


class TestSources:
    def test_rows_are_joined_by_blank_lines_and_nothing_is_stripped(self, tmp_path):
        _parquet(tmp_path / "wikitext/wikitext-2-raw-v1/test-00000-of-00001.parquet", ["", " = A = \n", " b \n"])
        source = load_text("wikitext-2", data_dir=tmp_path)
        assert source.text == "\n\n = A = \n\n\n b \n"

    def test_the_other_wikitext_is_another_text(self, tmp_path):
        _parquet(tmp_path / "wikitext/wikitext-2-raw-v1/test-0.parquet", ["two"])
        _parquet(tmp_path / "wikitext/wikitext-103-raw-v1/test-0.parquet", ["hundred"])
        assert load_text("wikitext-103", data_dir=tmp_path).text == "hundred"

    def test_a_hub_text_by_its_parts_is_found_locally(self, tmp_path):
        _parquet(tmp_path / "books/en/train-0.parquet", ["a book"], column="body")
        assert load_text("org/books:en:train:body", data_dir=tmp_path).text == "a book"

    def test_the_built_in_text_is_long_enough_for_a_detection(self):
        source = load_text("builtin")
        assert 5500 <= len(source.text.split()) <= 7500
        assert len(source.documents) > 40

    def test_files(self, tmp_path):
        (tmp_path / "a.txt").write_text("plain ü")
        (tmp_path / "b.jsonl").write_text('{"text": "one"}\n\n{"text": "two"}\n')
        _parquet(tmp_path / "c.parquet", ["x", "y"])
        assert load_text(str(tmp_path / "a.txt")).documents == ("plain ü",)
        assert load_text(str(tmp_path / "b.jsonl")).documents == ("one", "two")
        assert load_text(str(tmp_path / "c.parquet")).documents == ("x", "y")

    def test_separators_inside_a_json_string_do_not_end_the_line(self, tmp_path):
        (tmp_path / "a.jsonl").write_bytes('\ufeff{"text": "one\u2028two\x85"}\r\n{"text": "three"}'.encode())
        assert load_text(str(tmp_path / "a.jsonl")).documents == ("one\u2028two\x85", "three")

    @pytest.mark.parametrize("row", [None, 7])
    def test_a_row_without_text_is_refused_and_never_becomes_a_word(self, tmp_path, row):
        column = "body"
        rows = ["a", row, "b"] if row is None else [row]
        _parquet(tmp_path / "books/en/train-0.parquet", rows, column=column)
        with pytest.raises(UsageError, match=rf"Row {rows.index(row) + 1} .* holds no text"):
            load_text(f"org/books:en:train:{column}", data_dir=tmp_path)

    def test_half_of_a_local_copy_is_refused(self, tmp_path):
        folder = tmp_path / "wikitext/wikitext-2-raw-v1"
        _parquet(folder / "test-00000-of-00002.parquet", ["one"])
        with pytest.raises(UnavailableError, match="holds 1 files of split 'test', but 2 belong to it"):
            load_text("wikitext-2", data_dir=tmp_path)
        _parquet(folder / "test-00001-of-00002.parquet", ["two"])
        assert load_text("wikitext-2", data_dir=tmp_path).documents == ("one", "two")

    def test_a_missing_data_folder_is_unavailable(self, tmp_path):
        with pytest.raises(UnavailableError, match="does not exist"):
            load_text("wikitext-2", data_dir=tmp_path / "none")

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("a.txt", b"", "empty"),
            ("a.txt", b" \n ", "empty"),
            ("a.txt", b"\x00\x01", "binary"),
            ("a.txt", b"\xff\xfe", "UTF-8"),
            ("a.jsonl", b"{", "a.jsonl:1 is not JSON"),
            ("a.jsonl", b'{"text": "x"}\n{"t": 1}', "a.jsonl:2 has no field"),
            ("a.jsonl", b'{"text": "\\ud800"}', "half a character"),
            ("a.jsonl", b"[" * 200_000, "a.jsonl:1 is not JSON"),
            ("a.parquet", b"no parquet", "not a parquet"),
        ],
    )
    def test_bad_files_are_usage_errors(self, tmp_path, name, content, message):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError, match=message):
            load_text(str(tmp_path / name))

    def test_a_broken_page_of_a_parquet_file_is_a_usage_error(self, tmp_path):
        path = tmp_path / "a.parquet"
        _parquet(path, [f"{number} " * 500 for number in range(500)])
        content = path.read_bytes()
        path.write_bytes(content[:40] + b"\xff" * 2000 + content[2040:])
        with pytest.raises(UsageError, match="not a parquet file, or a broken one"):
            load_text(str(path))

    @pytest.mark.parametrize("name", ["none.txt", "x" * 5000, "a\0b", "org/name"])
    def test_a_missing_file_is_unavailable(self, tmp_path, name):
        with pytest.raises(UnavailableError, match="no text"):
            load_text(str(tmp_path / name))

    def test_a_folder_is_no_text(self, tmp_path):
        with pytest.raises(UsageError, match="is not a file"):
            load_text(str(tmp_path))

    def test_a_file_that_may_not_be_read_is_unavailable(self, tmp_path, monkeypatch):
        def denied(_path):
            raise PermissionError(errno.EACCES, "Permission denied")

        (tmp_path / "a.txt").write_text("x")
        monkeypatch.setattr(Path, "read_bytes", denied)  # modes do not keep an administrator out
        with pytest.raises(UnavailableError, match="cannot be read: Permission denied"):
            load_text(str(tmp_path / "a.txt"))

    def test_a_missing_column_is_named(self, tmp_path):
        _parquet(tmp_path / "a.parquet", ["x"], column="body")
        with pytest.raises(UsageError, match="no column 'text', but body"):
            load_text(str(tmp_path / "a.parquet"))

    def test_without_hub_and_copy_there_is_no_substitute(self, monkeypatch, tmp_path):
        import datasets
        import huggingface_hub

        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
        with pytest.raises(UnavailableError, match="cannot be reached") as caught:
            load_text("wikitext-2", data_dir=tmp_path)
        assert "`swa detect demo --dataset builtin`" in caught.value.hint
        assert "--data-dir" in caught.value.hint

    @pytest.mark.parametrize(
        ("error", "kind", "message"),
        [
            (ConnectionError("no network"), UnavailableError, "the hub cannot be reached"),
            (TimeoutError("slow"), UnavailableError, "the hub cannot be reached"),
            (DatasetNotFoundError("'x' is gated."), UnavailableError, "does not give .*: 'x' is gated"),
            (DataFilesNotFoundError("No files"), UnavailableError, "cannot be read: No files"),
            (RuntimeError("Dataset scripts are no longer supported"), UnavailableError, "cannot be read: Dataset scr"),
            (OSError(errno.ENOSPC, "No space left on device"), UnavailableError, "cannot be stored.*No space"),
            (ValueError("Unknown split 'q'.\nMore."), UsageError, r"Salesforce/wikitext: Unknown split 'q'\.$"),
            (ValueError(), UsageError, "Salesforce/wikitext: ValueError"),
        ],
    )
    def test_each_failure_of_the_hub_is_one_sentence(self, monkeypatch, error, kind, message):
        import datasets

        def failing(*_args, **_kwargs):
            raise error

        monkeypatch.setattr(datasets, "load_dataset", failing)
        with pytest.raises(kind, match=message) as caught:
            load_text("wikitext-2")
        assert "\n" not in caught.value.message

    @pytest.mark.parametrize(("column", "message"), [("body", "no column 'body', but text"), ("text", "Row 2 of")])
    def test_a_hub_text_without_text_is_refused(self, monkeypatch, column, message):
        import datasets

        rows = datasets.Dataset.from_dict({"text": ["a", None]})
        monkeypatch.setattr(datasets, "load_dataset", lambda *_args, **_kwargs: rows)
        with pytest.raises(UsageError, match=message):
            load_text(f"org/name:default:train:{column}")

    def test_the_hub_is_asked_for_exactly_the_rows(self, monkeypatch):
        import datasets

        asked = []

        def fake(*args, **kwargs):
            asked.append((args, kwargs))
            return datasets.Dataset.from_dict({"text": ["from", "hub"]})

        monkeypatch.setattr(datasets, "load_dataset", fake)
        assert load_text("wikitext-2").documents == ("from", "hub")
        assert asked == [(("Salesforce/wikitext", "wikitext-2-raw-v1"), {"split": "test"})]

    def test_fingerprints_tell_texts_apart(self):
        assert TextSource("a", ("x",)).fingerprint != TextSource("a", ("y",)).fingerprint

    def test_the_real_wikitext(self, data_dir):
        source = load_text("wikitext-2", data_dir=data_dir)
        assert len(source.documents) == 4358


class TestDetectionWindows:
    def windows(self, n_letters, *, tokenizer=None, context_length=1000):
        text = TextSource("t", ("a" * (n_letters // 2) + "b" * (n_letters - n_letters // 2),))
        return detection_windows(tokenizer or WordTokenizer(), text, context_length=context_length)

    def test_sixteen_and_eight_consecutive_windows(self):
        text = TextSource("t", ("".join(chr(97 + i % 26) for i in range(256 * 30)),))
        windows = detection_windows(WordTokenizer(), text, context_length=1000)
        stream = token_stream(WordTokenizer(), text.text)
        assert torch.equal(windows.confirmation.flatten(), stream[: 16 * 256])
        assert torch.equal(windows.gradient.flatten(), stream[16 * 256 : 24 * 256])

    @pytest.mark.parametrize(
        ("n_windows", "split"), [(6, (4, 2)), (9, (6, 3)), (12, (8, 4)), (23, (16, 7)), (99, (16, 8))]
    )
    def test_short_texts_are_shared_two_to_one(self, n_windows, split):
        windows = self.windows(n_windows * 256 + 100)
        assert (len(windows.confirmation), len(windows.gradient)) == split

    def test_too_short_says_how_many_tokens_are_needed(self):
        with pytest.raises(UsageError, match="1535 tokens; 1536 are needed"):
            self.windows(1535)

    def test_small_contexts_have_small_windows(self):
        assert self.windows(10_000, context_length=64).confirmation.shape == (16, 64)

    def test_a_context_without_room_is_refused(self):
        with pytest.raises(UnsupportedModelError, match="no room"):
            self.windows(10_000, tokenizer=WithBos(), context_length=2)

    def test_special_tokens_stand_in_front_and_count_against_the_context(self):
        windows = self.windows(10_000, tokenizer=WithBos(), context_length=64)
        assert windows.n_prefix == 1
        assert windows.confirmation.shape == (16, 64)
        assert windows.confirmation[:, 0].tolist() == [1] * 16
        assert special_prefix(WithBos()) == [1]
        assert special_prefix(WordTokenizer()) == []


class TestScoringWindows:
    @given(
        n_tokens=st.integers(2, 300),
        window=st.integers(2, 40),
        stride=st.integers(1, 40),
        n_targets=st.integers(1, 300),
        n_prefix=st.integers(0, 2),
    )
    def test_each_token_is_scored_at_most_once(self, n_tokens, window, stride, n_targets, n_prefix):
        stride = min(stride, window)
        plan = plan_windows(
            n_tokens, window_length=window, stride=stride, n_targets=n_targets, n_prefix=n_prefix, context_length=50
        )
        scored = [token for w in plan.windows for token in range(w.score_from, w.stop)]
        assert len(scored) == len(set(scored)) == plan.n_targets
        assert scored == sorted(scored)
        for w in plan.windows:
            assert w.stop - w.start <= plan.window_length
            assert w.score_from > w.start or n_prefix  # a first token has no prediction without something before it
        reach = plan.windows[-1].stop
        firsts = {w.start for w in plan.windows} if plan.stride == plan.window_length else {0}
        missing = set(range(reach)) - set(scored)
        assert missing == (set() if n_prefix else firsts & set(range(reach)))
        # a last token alone in its window has no prediction
        assert plan.n_targets == n_targets or reach >= n_tokens - 1

    def test_a_short_last_window_scores_nothing_twice(self):
        plan = plan_windows(104, window_length=20, stride=10, n_targets=1000, n_prefix=0, context_length=50)
        assert plan.n_targets == 103
        assert any("clamped from 1000 to 103" in note for note in plan.notes)

    def test_the_last_window_is_cut_behind_the_last_target(self):
        plan = plan_windows(1000, window_length=20, stride=20, n_targets=30, n_prefix=1, context_length=50)
        assert [w.n_targets for w in plan.windows] == [20, 10]
        assert plan.windows[-1].stop == 30

    def test_dropping_first_tokens_drops_one_target_a_window(self):
        options = {"window_length": 20, "stride": 10, "n_targets": 60, "n_prefix": 1, "context_length": 50}
        kept, dropped = (plan_windows(1000, **options, drop_first_token=drop) for drop in (False, True))
        assert dropped.n_targets == kept.n_targets - len(kept.windows)

    def test_dropping_the_only_target_leaves_nothing_to_score(self):
        with pytest.raises(UsageError, match="no window to score"):
            plan_windows(
                100, window_length=20, stride=10, n_targets=1, n_prefix=0, context_length=50, drop_first_token=True
            )

    def test_a_window_beyond_the_context_is_clamped_and_said(self):
        plan = plan_windows(1000, window_length=100, stride=100, n_targets=60, n_prefix=1, context_length=50)
        assert (plan.window_length, plan.stride) == (49, 49)
        assert plan.notes

    @pytest.mark.parametrize(("window", "stride", "tokens"), [(10, 11, 5), (1, 1, 5), (10, 0, 5), (10, 5, 0)])
    def test_senseless_numbers_are_usage_errors(self, window, stride, tokens):
        with pytest.raises(UsageError):
            plan_windows(100, window_length=window, stride=stride, n_targets=tokens, n_prefix=0, context_length=50)

    def test_ids_have_the_prefix_in_front(self):
        plan = plan_windows(30, window_length=10, stride=10, n_targets=30, n_prefix=1, context_length=50)
        assert window_ids(list(range(100, 130)), plan.windows[1], [1]) == [1, *range(110, 120)]


def test_jsonl_text_field_only(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "x", "other": 1}) + "\n")
    assert load_text(str(tmp_path / "a.jsonl")).text == "x"
