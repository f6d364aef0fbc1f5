"""Every command and program in README, docs and examples is run, on stand-ins for models, or is marked.

A block of commands whose first line is `# needs …` (a hub, a GPU, the network, hours) is not run: its `swa` commands
are read by the real parser, options, values and all.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import typer

from swa.cli.declare.argv import rewrite
from swa.cli.declare.kinds import syntax_of
from swa.cli.main import app, run
from swa.models.published import published_scalars
from swa.schemas.registry import schema_names
from tests.conftest import run_swa
from tests.support import cli_page, schema_page
from tests.support.artifacts import save_everything
from tests.unit.cli.conftest import Called
from tests.unit.cli.run_fakes import RunMachinery

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


class Shell:
    """Runs lines as a shell would; `swa` in this process, on stand-ins for models."""

    def __init__(self, swa, monkeypatch) -> None:
        self.swa, self.monkeypatch = swa, monkeypatch

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
        if segment.startswith("swa doctor"):  # examples/detect.sh runs it: it looks into a real model
            parse(segment)
            return "read"
        stdin = SimpleNamespace(buffer=SimpleNamespace(read=given.encode))
        self.monkeypatch.setattr(sys, "stdin", stdin)
        listed = subprocess.run(
            ["bash", "-c", f"swa() {{ printf '%s\\0' \"$@\"; }}; {segment.partition(' > ')[0]}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        with self.monkeypatch.context() as patch:
            for name, value in re.findall(r"(SWA_\w+)=(\S+) ", segment):
                patch.setenv(name, value)
            called = self.swa(*listed.stdout.split("\0")[:-1])
        assert called.code == 0, f"{segment}\n{called.err}"
        if " > " in segment:
            Path(segment.partition(" > ")[2]).write_text(called.out)
        return called.out

    def _other(self, segment: str, given: str) -> str:
        if segment.startswith("jq") and shutil.which("jq") is None:
            return "jq is not installed"
        done = subprocess.run(["bash", "-ec", segment], input=given, capture_output=True, text=True)
        assert done.returncode == 0, f"{segment}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def shell(monkeypatch, tmp_path, capsys):
    def swa(*words: str) -> Called:
        capsys.readouterr()
        code = run(list(words))
        captured = capsys.readouterr()
        return Called(code, captured.out, captured.err)

    monkeypatch.delenv("SWA_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    for name in ("my-model", "other", "OLMo-1B", "data"):
        Path(name).mkdir()
    Path("corpus.txt").write_text("A text.\n")
    save_everything(Path("results"))
    RunMachinery().install(monkeypatch)
    assert swa("run", "./other", "--dataset", "builtin", "--accuracy-tasks", "builtin").code == 0
    return Shell(swa, monkeypatch)


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


PROGRAMS = [one for one in FENCES if one.language == "python"]
ON_A_MODEL = next(one for one in PROGRAMS if one.page.name == "python.md")
"""`tests/unit/test_api.py` runs it on a real tiny model."""


@pytest.mark.parametrize(
    "fence", [one for one in PROGRAMS if one != ON_A_MODEL], ids=lambda one: f"{one.page.name}-{len(one.text)}"
)
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


def test_every_command_has_examples_in_its_help():
    assert all("Examples:" in run_swa(name, "--help").stdout for name in ("run", "detect"))
