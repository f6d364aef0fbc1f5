"""Checking files: every problem with its line, in words, and no content that crashes it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swa.errors import UsageError
from swa.schemas.validation import validate_file

from .samples import VALID

NEURON = VALID["NeuronCard"]
CARD = VALID["SuperWeightCard"]
GOOD = json.dumps(NEURON, ensure_ascii=False)


@pytest.fixture
def check(tmp_path):
    def write_and_check(content, name="cards.jsonl", record=None):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return validate_file(path, record)

    return write_and_check


def only_problem(report):
    (problem,) = report.problems
    return problem


class TestLines:
    def test_good_lines_are_counted_and_empty_ones_left_out(self, check):
        report = check(f"{GOOD}\n\n{json.dumps(CARD)}\r\n")
        assert (report.n_records, report.problems) == (2, ())

    def test_every_problem_has_its_line(self, check):
        bad = json.dumps(NEURON | {"layer": "3", "label": "x"})
        report = check(f"{GOOD}\n{bad}\nnot json\n{{}}\n[1]\n".encode() + b"\xff\n")
        assert [problem.line for problem in report.problems] == [2, 2, 3, 4, 5, 6]
        assert [problem.message for problem in report.problems] == [
            'layer must be a whole number, not "3".',
            "label must be 'prediction', 'suppression', 'partition' or 'unclear', not \"x\".",
            "This is not JSON: expecting value (column 1).",
            "This object is none of the known records.",
            "This is JSON, but not an object in braces.",
            "This is not UTF-8 text.",
        ]
        assert report.n_records == 1

    def test_a_last_line_cut_anywhere_is_torn(self, check):
        for n_bytes in range(1, len(GOOD.encode())):  # also within the bytes of one letter
            report = check(f"{GOOD}\n".encode() + GOOD.encode()[:n_bytes])
            assert only_problem(report) == (2, "The last line is torn: a run was interrupted while writing it.")
            assert report.n_records == 1

    def test_a_whole_last_line_that_is_wrong_is_not_torn(self, check):
        report = check(f"{GOOD}\n{json.dumps(NEURON | {'layer': None})}")
        assert only_problem(report) == (2, "layer must be a whole number, not null.")

    def test_lines_are_recognised_in_a_file_of_another_name(self, check):
        assert check(f"{GOOD}\n{GOOD}\n", "cards.json").n_records == 2


class TestWholeFile:
    def test_the_line_is_that_of_the_very_item(self, check):
        weights = [VALID["SuperWeight"], VALID["SuperWeight"] | {"row": "507"}, VALID["SuperWeight"]]
        text = json.dumps(VALID["DetectionResult"] | {"super_weights": weights}, indent=2)
        line, message = only_problem(check(text, "detection.json"))
        assert message == 'super_weights[1].row must be a whole number, not "507".'
        assert '"row": "507"' in text.splitlines()[line - 1]

    def test_of_a_missing_key_the_line_of_its_object(self, check):
        card = NEURON | {"moments": {"var": 1.0, "skew": 1.0}}
        text = json.dumps(card, indent=2)
        line, message = only_problem(check(text, "card.json"))
        assert message == "moments.kurt is missing."
        assert '"moments"' in text.splitlines()[line - 1]

    def test_keys_that_are_no_words_are_quoted(self, check):
        agreement = VALID["Comparison"]["agreements"][0] | {"differing": {"L1.mlp[2,3]": [5]}}
        text = json.dumps(VALID["Comparison"] | {"agreements": [agreement]}, indent=2)
        line, message = only_problem(check(text, "comparison.json"))
        assert message == 'agreements[0].differing["L1.mlp[2,3]"][0] must be text, not 5.'
        assert text.splitlines()[line - 1].strip() == "5"

    def test_a_number_is_one_problem(self, check):
        card = NEURON | {"moments": {"var": "x", "skew": 1.0, "kurt": 1.0}}
        message = only_problem(check(json.dumps(card), "card.json")).message
        assert message == 'moments.var must be a number, "Infinity", "-Infinity" or "NaN", not "x".'

    def test_constants_outside_strings_are_refused_on_their_line(self, check):
        text = GOOD.replace('"kurt": 3.45', '\n"kurt": NaN').replace("allenai", 'NaN \\" NaN')
        line, message = only_problem(check(text, "card.json"))
        assert line == 2
        assert message.startswith("NaN is not JSON")

    def test_a_cut_file_says_so_with_the_line(self, check):
        text = json.dumps(NEURON, indent=1)
        problem = only_problem(check(text[: text.index('"enrichment"') + 30], "card.json"))
        assert "middle" in problem.message or "unterminated" in problem.message
        assert problem.line > 10


@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_an_empty_file_is_no_record_but_may_be_lines(check, content):
    (problem,) = check(content, "x.json").problems
    assert "empty" in problem.message
    assert check(content, "x.jsonl").problems == ()  # a run that found nothing


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x7fELF\x00\x01", "binary"),
        (b"\x89PNG\r\n\xff", "UTF-8"),
        ("caf\u00e9".encode("latin-1"), "UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"[1]", "not an object"),
        (b'"text"', "not an object"),
        (b"[" * 100_000, "too deeply"),
        (b'{"a":' * 100_000, "too deeply"),
        (b'{"a":' + b"1" * 5000 + b"}", "too many digits"),
        (b'{"model": "\\ud800", "record": "NeuronCard"}', "JSON"),
        (b'{"record": ["NeuronCard"]}', "is not known"),
    ],
)
@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_other_content_is_a_problem_and_no_crash(check, content, message, name):
    report = check(content + (b"" if name == "x.json" else b"\n"), name)
    assert report.n_records == 0
    assert any(message in problem.message for problem in report.problems)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*CARD, *NEURON, "record"]), inner),
        max_leaves=20,
    ),
    st.sampled_from([None, 1]),
)
@settings(max_examples=150, deadline=None)
def test_any_json_gets_a_report(tmp_path_factory, data, indent):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(data, indent=indent), encoding="utf-8")
    report = validate_file(path)
    assert report.problems
    n_lines = len(path.read_text(encoding="utf-8").split("\n"))
    assert all(1 <= problem.line <= n_lines for problem in report.problems)


def test_a_missing_file_and_a_folder_are_usage_errors(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match="no file"):
            validate_file(path)


def test_the_record_can_be_forced(check):
    assert check(GOOD, "x.json", "SuperWeightCard").problems
    assert not check(GOOD, "x.json", "NeuronCard").problems
    with pytest.raises(UsageError, match="no record 'Card'"):
        check(GOOD, "x.json", "Card")
