"""Every command and program in README and docs is run, on a tiny model with small samples, or is marked.

A block of commands whose first line is `# needs …` (a hub, a GPU, the network, hours) is not run: its `swa` commands
are read by the real parser, options, values and all.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import typer

from swa.cli.declare.argv import rewrite
from swa.cli.declare.kinds import syntax_of
from swa.cli.main import app, run
from swa.data.sources import load_text
from swa.models.published import published_scalars
from swa.schemas.registry import schema_names
from tests.support import cli_page, schema_page
from tests.support.helpful import COORDINATE, write_helpful_checkpoint
from tests.unit.conftest import undraw
from tests.unit.evaluation.tiny_data import arc_copy, write_parquet

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = typer.main.get_command(app).commands
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = ("cd ", "git ", "make ", "pip ")
"""Lines of blocks that are run which prepare what the test has already."""


class Fence(NamedTuple):
    page: Path
    language: str
    text: str

    @property
    def is_marked(self) -> bool:
        return self.text.startswith("# needs ")


FENCES = [Fence(page, *match.groups()) for page in PAGES for match in FENCE.finditer(page.read_text())]
GENERATED = {"cli.md", "schemas.md"}


def lines_of(text: str) -> list[str]:
    """Commands, with continued lines and here-documents joined, comments left out."""
    lines: list[str] = []
    until = None
    for line in text.replace("\\\n", " ").splitlines():
        if until is not None:
            lines[-1] += f"\n{line}"
            until = None if line == until else until
        elif line.strip() and not line.startswith("#"):
            lines.append(re.sub(r"\s+# .*", "", line))
            until = found[1] if (found := re.search(r"<<'(\w+)'", line)) else None
    return lines


def segments(line: str) -> list[str]:
    """The parts of a pipe; bars in quotes are none."""
    return [part.strip() for part in re.findall(r"(?:'[^']*'|\"[^\"]*\"|[^|'\"])+", line)]


def is_swa(segment: str) -> bool:
    return re.match(r"(\w+=\S+ )*swa ", segment) is not None


def parse(segment: str) -> None:
    """Read a command as the program would."""
    words = shlex.split(segment, comments=True)
    name, *rest = words[words.index("swa") + 1 :]
    if ">" in rest:
        rest = rest[: rest.index(">")]
    program = typer.main.get_command(app)
    with program.make_context("swa", [], obj=[name, *rest], resilient_parsing=True) as parent:
        command = COMMANDS[name]
        with command.make_context(name, rewrite(rest, syntax_of(command)), parent=parent):
            pass


@pytest.mark.parametrize("fence", [one for one in FENCES if one.is_marked], ids=lambda one: one.page.name)
def test_what_is_not_run_is_read_by_the_parser(fence, monkeypatch):
    monkeypatch.delenv("SWA_DATA_DIR", raising=False)
    for line in lines_of(fence.text):
        for segment in filter(is_swa, segments(line)):
            parse(segment)


SMALL = {
    "SCREEN_TOP": "3", "MAX_ITERATIONS": "1", "PERPLEXITY_SAMPLES": "3", "ACCURACY_SAMPLES": "2",
    "TOKENS": "200", "WINDOW_LEN": "40", "STRIDE": "20", "CONTROL_SAMPLES": "2", "TOP_TOKENS": "3",
    "DATA_DIR": "data",
}  # fmt: skip
"""Values of options that a command does not set itself; the data stand for the hub."""
IN_THE_TINY_MODEL = (
    (r"\bdemo\b(?=.*--)", "./other"),
    (r"L11\.mlp\.down_proj\[507,1229\]", COORDINATE),
    (r"11:523 11:42", "1:9 2:3"),
    (r"hellaswag( mmlu)?", "arc_easy"),
)
"""What it has instead of what pages name."""


class Shell:
    """Runs lines as a shell would; `swa` in this process, on tiny models."""

    def __init__(self, monkeypatch) -> None:
        self.monkeypatch = monkeypatch

    def run(self, line: str) -> str:
        if line.startswith("export "):
            for name, value in re.findall(r"(\w+)=(\S+)", line):
                self.monkeypatch.setenv(name, value)
            return line
        text = ""
        for segment in segments(line):
            text = self._swa(segment, text) if is_swa(segment) else self._other(segment, text)
        return text

    def _swa(self, segment: str, given: str) -> str:
        parse(segment)
        for named, instead in IN_THE_TINY_MODEL:
            segment = re.sub(named, instead, segment)
        stdin = SimpleNamespace(buffer=SimpleNamespace(read=given.encode))
        self.monkeypatch.setattr(sys, "stdin", stdin)
        listed = subprocess.run(
            ["bash", "-c", f"swa() {{ printf '%s\\0' \"$@\"; }}; {segment.partition(' > ')[0]}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        with self.monkeypatch.context() as patch:
            for name, value in re.findall(r"(SWA_\w+)=(\S+) ", segment):
                patch.setenv(name, value)
            out = swa(*listed.stdout.split("\0")[:-1])
        if " > " in segment:
            Path(segment.partition(" > ")[2]).write_text(out)
        return out

    def _other(self, segment: str, given: str) -> str:
        if segment.startswith("jq") and shutil.which("jq") is None:
            return "jq is not installed"
        done = subprocess.run(["bash", "-ec", segment], input=given, capture_output=True, text=True)
        assert done.returncode == 0, f"{segment}\n{done.stderr}"
        return done.stdout


def swa(*words: str) -> str:
    """What a command that succeeds prints."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(list(words))
    assert code == 0, f"{words}\n{err.getvalue()}"
    return out.getvalue()


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> Path:
    """A folder with models, data, and the results of one run."""
    folder = tmp_path_factory.mktemp("begun")
    write_helpful_checkpoint(folder / "my-model")
    for name in ("other", "OLMo-1B"):
        shutil.copytree(folder / "my-model", folder / name)
    arc_copy(folder / "data", test=4, train=1)
    documents = load_text("builtin").documents
    rows = [{"text": text} for text in documents]
    write_parquet(folder / "data/wikitext/wikitext-2-raw-v1/test-00000-of-00001.parquet", rows)
    (folder / "corpus.txt").write_text("\n\n".join(documents))
    with pytest.MonkeyPatch.context() as patch:
        small_and_undrawn(patch)
        patch.chdir(folder)
        swa("run", "./other", "--dataset", "builtin", "--accuracy-tasks", "builtin")
    return folder


def small_and_undrawn(patch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SWA_")]:
        patch.delenv(name)
    for name, value in SMALL.items():
        patch.setenv(f"SWA_{name}", value)
    undraw(patch)


@pytest.fixture
def shell(begun, monkeypatch, tmp_path):
    small_and_undrawn(monkeypatch)
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Shell(monkeypatch)


RUN = [one for one in FENCES if one.language == "bash" and not one.is_marked and one.page.name not in GENERATED]


@pytest.mark.parametrize("page", sorted({one.page for one in RUN}), ids=lambda page: page.name)
def test_commands_run(page, shell):
    for fence in RUN:
        if fence.page == page:
            for line in lines_of(fence.text):
                if line.startswith(NOT_RUN):
                    continue
                out = shell.run(line)
                assert out.strip() or "--quiet" in line or " > " in line or not is_swa(line), line


PROGRAMS = [one for one in FENCES if one.language == "python" and '"demo"' not in one.text]
"""`tests/unit/test_api.py` runs the others."""


@pytest.mark.parametrize("fence", PROGRAMS, ids=lambda one: f"{one.page.name}-{len(one.text)}")
def test_programs_run(fence, shell, capsys):
    exec(compile(fence.text, str(fence.page), "exec"), {})
    assert capsys.readouterr().out.strip()


def test_commands_in_the_text_exist():
    for page in PAGES:
        for words in re.findall(r"`swa ([a-z][^`\n]*)`", page.read_text()):
            name, *options = words.split()
            known = {
                spelling for option in COMMANDS[name].params for spelling in (*option.opts, *option.secondary_opts)
            }
            assert all(option in known | {"--help"} for option in options if option.startswith("--")), words


def test_there_are_no_commands_outside_of_fences():
    for page in PAGES:
        assert not re.search(r"^    +swa ", FENCE.sub("", page.read_text()), re.MULTILINE), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert all(f"`swa {command}" in readme for command in COMMANDS)


def test_what_is_generated_is_current():
    assert (ROOT / "docs/cli.md").read_text() == cli_page.page(), "run `make docs`"
    assert (ROOT / "docs/schemas.md").read_text() == schema_page.page(), "run `make docs`"
    assert all(f"## {name}\n" in schema_page.page() for name in schema_names())


def test_the_site_is_built_without_a_warning_and_asks_for_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"?(https?://[^\" >]+)", page.read_text())
        assert loaded == [], page


def test_the_published_coordinates_are_those_that_are_marked():
    rows = re.findall(r"^\| `(\S+/\S+)` \| (.+) \|$", (ROOT / "docs/published.md").read_text(), re.MULTILINE)
    told = {name: {tuple(map(int, one.split(", "))) for one in re.findall(r"\(([^)]+)\)", cell)} for name, cell in rows}
    marked = {
        name: {(layer, *place) for layer in range(80) for place in published_scalars(name, layer=layer)}
        for name in told
    }
    assert len(told) == 10
    assert told == marked
