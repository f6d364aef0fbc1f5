"""Commands in README, docs and examples exist with the options they are shown with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import run_swa

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("*.sh"))]
COMMANDS = sorted(
    {
        re.split(r"\||#|>", match.group(0))[0].strip()
        for page in PAGES
        for match in re.finditer(r"^ *swa [a-z].*$|`swa [a-z][^`]*`", page.read_text(), re.MULTILINE)
    }
)


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    listed = re.findall(r"^  (\w+)  ", run_swa("--help").stdout.split("Commands:")[1], re.MULTILINE)
    return {command: run_swa(command, "--help").stdout for command in listed}


def test_there_are_commands_to_check():
    assert len(COMMANDS) > 8


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_and_its_options_exist(command, helps):
    words = command.strip("`").split()
    assert words[1] in helps
    for option in (word for word in words[2:] if word.startswith("--")):
        assert option in helps[words[1]], option


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_command_is_in_the_readme(helps):
    readme = (ROOT / "README.md").read_text()
    assert all(f"`swa {command}" in readme for command in helps)
