"""What a report says of whole, partial and odd artifacts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from swa.reports.build import build_report
from swa.reports.page.html import render_html
from swa.reports.page.markdown import render_markdown
from swa.reports.saved.models import find_artifacts
from swa.schemas.runs import RunConfig
from swa.store.vocab_tree import VocabFolder
from tests.support.artifacts import (
    HOSTILE,
    analysis_record,
    detection_record,
    header,
    moe_detection,
    save,
    save_analysis,
    save_cascade,
    save_detection,
    save_everything,
    save_vocab,
    special_analysis,
    super_weight_cards,
)
from tests.support.records import super_weight


class Pages:
    """Both renderings of one report."""

    def __init__(self, root: Path) -> None:
        document = build_report(find_artifacts(root), command="swa report results")
        self.html = render_html(document)
        self.markdown = render_markdown(document, base=root)

    @property
    def both(self) -> tuple[str, str]:
        return self.html, self.markdown


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Pages:
    root = tmp_path_factory.mktemp("results")
    save_everything(root)
    return Pages(root)


def test_everything_is_there(whole):
    for page in whole.both:
        for title in (
            "Findings",
            "What was run",
            "Candidates and confirmed super weights",
            "Impact of removal",
            "hellaswag",
            "Super-weight cards",
            "Neuron cards",
            "Cascade",
            "What the numbers mean",
            "How to repeat it",
            "How to cite it",
        ):
            assert title in page
        for number in ("6.05", "5.45, 6.66", "severe", "+1.94", "1.74, 2.14", "0.0100", "3 of 8 candidates"):
            assert number in page
        assert "Not in this folder" not in page
        assert "swa evaluate org/model --seed 42" in page
        assert "2411.07191" in page


def test_built_in_items_are_called_a_smoke_test_wherever_they_stand(whole):
    for line in re.findall(r"[^\n]*builtin[^\n]*", whole.markdown):
        assert "smoke test" in line, line


def test_a_built_in_text_is_no_benchmark_either(tmp_path):
    run = header(options={"dataset": {"value": "builtin", "origin": "command line"}})
    save_detection(tmp_path / "org--model", detection_record(run=run))
    for page in Pages(tmp_path).both:
        assert "good for trying out" in page


def test_the_page_needs_nothing_else(whole):
    tags = read(whole.html).tags
    sources = [attributes[key] for _, attributes in tags for key in ("src", "href") if key in attributes]
    assert all(source.startswith(("data:image/png;base64,", "#")) for source in sources)
    assert not {tag for tag, _ in tags} & {"link", "iframe", "object", "base", "form"}
    policy = next(attributes["content"] for tag, attributes in tags if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert not any(key == "style" or key.startswith("on") for _, attributes in tags for key in attributes)


def test_names_in_links_are_there_once(whole):
    tags = read(whole.html).tags
    names = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(names) == len(set(names))
    targets = {attributes["href"][1:] for tag, attributes in tags if tag == "a"}
    assert targets <= set(names)


def test_hostile_tokens_are_text_in_html(whole):
    reader = read(whole.html)
    assert [tag for tag, _ in reader.tags].count("script") == 1
    text = "".join(reader.text)
    assert HOSTILE[0] in text
    assert r"\u202eevil\u202c" in text
    assert r"\x1b[31mred\x00" in text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", whole.html)


def test_hostile_tokens_are_text_in_markdown(whole):
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", whole.markdown)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", whole.markdown)
    assert "<script" not in outside.replace(r"\<", "")
    assert "](javascript" not in outside.replace(r"\]", "")
    for block in re.findall(r"(?:^\|.*\n)+", whole.markdown, re.MULTILINE):
        bars = {re.sub(r"\\\|", "", line).count("|") for line in block.splitlines()}
        assert len(bars) == 1, block


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "a\u202eb", "**x** `y` | z", "$x$ {{ 7*7 }} {% raw %}"]
)
def test_hostile_names_and_notes_are_text(tmp_path, text):
    record = detection_record(text, notes=[text], prompts=[text], architecture=text)
    save_detection(tmp_path / "folder", record)
    save_analysis(tmp_path / "folder", analysis_record(text, tasks=(text,)))
    pages = Pages(tmp_path)
    tags = read(pages.html).tags
    assert [tag for tag, _ in tags].count("script") == 1
    assert not any("onerror" in attributes for _, attributes in tags)
    assert "\u202e" not in pages.html + pages.markdown
    assert "**x**" not in pages.markdown
    assert "| z" not in re.sub(r"^\| .*\|$", "", pages.markdown, flags=re.MULTILINE)


def test_experts_have_a_section(tmp_path):
    save_detection(tmp_path / "org--moe", moe_detection())
    for page in Pages(tmp_path).both:
        assert "Mixture of experts" in page
        assert "Routing by layer" in page
        assert "Super weights act through the first token" in page
        assert "L3.mlp.experts.0.down_proj[5,9]" in page


def test_odd_numbers_are_called_by_their_name(tmp_path):
    save_analysis(tmp_path / "org--odd", special_analysis())
    for page in Pages(tmp_path).both:
        assert "∞ (log-ratio 900)" in page
        assert "invalid" in page
        assert "none: its input is zero" in page


@pytest.mark.parametrize(
    ("part", "missing"),
    [
        (lambda folder: save_detection(folder, detection_record()), ("swa evaluate", "swa vocab", "swa cascade")),
        (lambda folder: save_analysis(folder, analysis_record()), ("swa detect", "swa vocab", "swa cascade")),
        (lambda folder: save_vocab(folder), ("swa detect", "swa evaluate")),
        (lambda folder: save_cascade(folder), ("swa detect", "swa evaluate", "swa vocab")),
        (lambda folder: save_analysis(folder, analysis_record(tasks=())), ("--skip-accuracy",)),
    ],
)
def test_a_part_alone_gives_a_report_that_says_what_is_missing(tmp_path, part, missing):
    part(tmp_path / "org--model")
    for page in Pages(tmp_path).both:
        said = page.split("Not in this folder", 1)[1].split("What the numbers mean" if "##" in page else "</ul>")[0]
        assert all(command in said for command in missing)
        assert "org/model" in page


def test_candidates_without_confirmation_are_not_called_refused(tmp_path):
    weights = [super_weight(confirmation=None, model="org/model")]
    save_detection(tmp_path / "org--model", detection_record().model_copy(update={"super_weights": weights}))
    for page in Pages(tmp_path).both:
        assert "none was removed" in page
        assert "--no-confirm" in page


def test_published_coordinates_are_marked_where_there_are_any(tmp_path):
    record = detection_record()
    save_detection(tmp_path / "org--model", record)
    assert "| published |" not in Pages(tmp_path).markdown
    first = record.super_weights[0].model_copy(update={"published": True})
    save_detection(
        tmp_path / "org--model", record.model_copy(update={"super_weights": [first, *record.super_weights[1:]]})
    )
    assert "| published |" in Pages(tmp_path).markdown


def test_nothing_found_says_how_far_it_was(tmp_path):
    save_detection(tmp_path / "org--model", detection_record().model_copy(update={"super_weights": []}))
    assert "the largest activation is 38" in Pages(tmp_path).markdown


def test_markdown_links_to_figures_that_are_there(tmp_path):
    folder = tmp_path / "vocab analysis" / "org--model"
    save_vocab(folder)
    card = super_weight_cards()[0]
    figure = folder / "plots/super_weights" / f"mlp_out-L{card.layer}-R{card.row}-C{card.col}-deltas.png"
    figure.parent.mkdir(parents=True)
    figure.write_bytes(b"png")
    links = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", Pages(tmp_path).markdown)
    assert links == ["vocab%20analysis/org--model/plots/super_weights/mlp_out-L11-R507-C1229-deltas.png"]


def test_the_newest_complete_record_is_shown(tmp_path):
    folder = tmp_path / "org--model"
    old = save_detection(folder, detection_record(), stamp="20260101_000000")
    new = save_detection(folder, detection_record(), stamp="20260102_000000")
    save_detection(folder, detection_record(run=header(status="partial")), stamp="20260103_000000")
    assert find_artifacts(tmp_path)[0].detection.path == new
    new.unlink()
    assert find_artifacts(tmp_path)[0].detection.path == old
    old.unlink()
    found = find_artifacts(tmp_path)[0]
    assert "20260103" in found.detection.path.name
    assert "not complete" in found.notes[0]


def test_records_of_other_weights_are_left_out_and_said(tmp_path):
    folder = tmp_path / "org--model"
    save_analysis(folder, analysis_record())
    save_detection(folder, detection_record(run=header(dtype="bfloat16")), stamp="20260109_000000")
    found = find_artifacts(tmp_path)[0]
    assert found.detection is None
    assert "in another type" in found.notes[0]


def test_one_folder_name_in_both_trees_is_one_model(tmp_path):
    save_everything(tmp_path)
    (found,) = find_artifacts(tmp_path)
    assert found.name == "org/model"
    assert len(found.folders) == 2
    assert found.super_weights.run.command == "vocab"
    assert isinstance(found.super_weights.folder, VocabFolder)


def test_a_torn_line_is_left_out_and_said(tmp_path):
    folder = tmp_path / "org--model"
    save_vocab(folder)
    with (folder / "metrics/neurons/neurons.jsonl").open("a") as stream:
        stream.write('{"record": "NeuronCard", "mod')
    found = find_artifacts(tmp_path)[0]
    assert len(found.neurons.records) == 7
    assert "torn" in found.notes[0]


def test_cards_of_an_interrupted_run_say_so(tmp_path):
    folder = tmp_path / "org--model"
    save_vocab(folder)
    save(folder / "run_config.json", RunConfig(vocab=header("vocab", status="interrupted")))
    assert "interrupted" in find_artifacts(tmp_path)[0].notes[0]


def test_the_same_artifacts_give_the_same_bytes(tmp_path):
    save_everything(tmp_path)
    assert Pages(tmp_path).both == Pages(tmp_path).both
