"""What the command line derives from the options: an option means the same in every command."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import typer

from swa.cli.declare.kinds import option_kinds
from swa.cli.main import app

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands
OWN_DEFAULTS = {"models", "results_dir", "router_analysis_samples", "enable_cascade", "output"}
"""What commands have good reason to begin with differently."""


def by_name() -> dict[str, list[Any]]:
    found = defaultdict(list)
    for command in COMMANDS.values():
        kinds = {kind.name for kind in option_kinds(command)}
        for parameter in command.params:
            if parameter.name in kinds:
                found[parameter.name].append(parameter)
    return found


def kind_of(parameter: Any) -> tuple[str, tuple[str, ...]]:
    kind = parameter.type_descriptor
    return repr(kind.annotation), tuple(str(choice) for choice in kind.choices or ())


def test_an_option_has_one_type_in_all_commands():
    kinds = {name: set(map(kind_of, parameters)) for name, parameters in by_name().items()}
    assert {name: of_name for name, of_name in kinds.items() if len(of_name) > 1} == {}


def test_an_option_has_one_form_and_one_section_in_all_commands():
    forms = defaultdict(set)
    for command in COMMANDS.values():
        for kind in option_kinds(command):
            forms[kind.name].add(kind.form)
    assert {name: of_name for name, of_name in forms.items() if len(of_name) > 1} == {}
    sections = {name: {one.rich_help_panel for one in parameters} for name, parameters in by_name().items()}
    assert {name: of_name for name, of_name in sections.items() if len(of_name) > 1} == {}


def test_an_option_has_one_default_but_where_a_command_has_its_own():
    defaults = {name: {repr(one.default) for one in parameters} for name, parameters in by_name().items()}
    assert {name for name, of_name in defaults.items() if len(of_name) > 1} <= OWN_DEFAULTS


def test_sections_stand_in_the_same_order_in_all_commands():
    pages = []
    for command in COMMANDS.values():
        titles = [one.rich_help_panel for one in command.params if getattr(one, "rich_help_panel", None)]
        pages.append(list(dict.fromkeys(titles)))
        assert [title for title, after in pairwise(titles) if title != after] == pages[-1][:-1]
    for one in pages:
        for other in pages:
            shared = [title for title in one if title in other]
            assert shared == [title for title in other if title in one]
