"""The tables of `swa vocab`: what stands in them, at the width of a paper and of a screen."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pydantic import MISSING
from rich.console import Console

from swa.cli.tables.vocab_show import N_SHOWN, show
from swa.cli.tables.vocabulary import neuron_table, super_weight_table, token_table
from swa.cli.terminal.output import Output
from swa.findings.vocabulary import model_summary
from swa.runs.driver.cards import Cards
from swa.runs.driver.step import Outcome
from swa.schemas.cards import Controls, Metrics
from tests.support.artifacts import header
from tests.support.cards import METRICS, SITE, card, interval, metrics, neuron_card, shift, site
from tests.support.records import super_weight

ONE = super_weight()
LONG = super_weight(1234, 5432, coordinate="L3.mlp.experts.17.down_proj[1234,5432]")
BOOTSTRAP = {"bootstrap": {name: interval(1.94) for name in METRICS[:4]}}


def printed(table, width: int) -> list[str]:
    console = Console(width=width, force_terminal=False, markup=False)
    with console.capture() as capture:
        console.print(table(console) if callable(table) else table)
    return [line.rstrip() for line in capture.get().splitlines()]


def with_coordinate(weight, **fields):
    return card(weight, coordinate=weight.coordinate, **fields)


def test_a_super_weight_in_one_line_where_it_fits():
    lines = printed(lambda console: super_weight_table([with_coordinate(ONE, **BOOTSTRAP)], console), 120)
    assert lines[1].split() == "coordinate Δ loss [95 %] Δ entropy Δ margin control control max zeroed".split()
    assert lines[3].split() == [
        *("L11.mlp.down_proj[507,1229]", "+1.94", "[1.74,", "2.14]"),
        *("+0.970", "−0.194", "+0.00110", "+0.00210", "+2.13"),
    ]


def test_in_two_lines_elsewhere_and_never_too_wide():
    cards = [with_coordinate(ONE, **BOOTSTRAP), with_coordinate(LONG)]
    lines = printed(lambda console: super_weight_table(cards, console), 80)
    assert max(map(len, lines)) <= 80
    assert lines[3].split() == ["L11.mlp.down_proj[507,1229]", "+1.94", "+0.970", "+0.00110", "+2.13"]
    assert lines[4].split() == ["[1.74,", "2.14]", "−0.194", "+0.00210"]
    assert lines[5].split()[:2] == ["L3.mlp.experts.17.down_proj[1234,5432]", "+1.94"]


def test_a_card_of_an_older_script():
    controls = Controls(random_coord_delta=Metrics(**metrics(0.5)), neuron_zero_delta=Metrics(**metrics(0.0)))
    old = card(ONE).model_copy(update={"token_shifts": MISSING, "controls": controls})
    lines = printed(lambda console: super_weight_table([old], console), 120)
    assert lines[3].split() == ["L11.mlp_out[507,1229]", "+1.94", "+0.970", "−0.194", "+0.500", "0"]
    assert printed(token_table([old]), 120)[2].split() == ["L11.mlp_out[507,1229]"]


@pytest.mark.parametrize(
    ("value", "shown"), [(math.inf, "+∞"), (math.nan, "NaN"), (-0.0001, "−1.0×10⁻⁴"), (0.05, "+0.0500")]
)
def test_any_number(value, shown):
    changed = with_coordinate(ONE).model_copy(update={"deltas": Metrics(**dict.fromkeys(METRICS, value))})
    lines = printed(lambda console: super_weight_table([changed], console), 120)
    assert lines[3].split()[1:4] == [shown] * 3


def test_tokens_are_seen_and_do_nothing():
    texts = [" the", "\x1b[31m", "\n", "[bold]", "a" * 30, "sixth"]
    shifts = {"up": [shift(i, text, 0.1) for i, text in enumerate(texts)], "down": [], "total_variation": 0.5}
    lines = printed(token_table([with_coordinate(ONE, token_shifts=shifts)]), 120)
    assert lines[2].split() == [
        "L11.mlp.down_proj[507,1229]",
        "␣the",
        r"\x1b[31m",
        r"\n",
        "[bold]",
        "aaaaaaaa…aaa",
        "–",
    ]


def test_a_neuron():
    expert = neuron_card(site(3, kind="expert", expert=17), 42, label="unclear").model_copy(
        update={"percentiles": MISSING}
    )
    lines = printed(neuron_table([neuron_card(SITE, 1229), expert]), 80)
    assert lines[3].split() == ["11:1229", "prediction", "30.5", "99.1", "97.0", "␣the", "=cmd()"]
    assert lines[4].split() == ["3:e17:42", "unclear", "30.5", "–", "–", "␣the", "=cmd()"]


def outcome(super_weights=(), neurons=(), **header_fields) -> Outcome[Cards]:
    summary = model_summary("org/model", super_weights, neurons, threshold=None)
    run = header("vocab", **header_fields)
    return Outcome(Cards(super_weights, neurons, summary), run, Path("results"), {}, is_new=True)


def test_notes_of_neurons_are_said_once(capsys):
    cards = [neuron_card(SITE, number, notes=["The gate is left out."]) for number in (3, 4)]
    show(outcome(neurons=cards), Output())
    assert capsys.readouterr().out.count("Note: The gate is left out.") == 1


def test_what_is_shown_at_once(capsys):
    n_cards = N_SHOWN + 5
    cards = [with_coordinate(super_weight(10 + number, 20)) for number in range(n_cards)]
    neurons = [neuron_card(SITE, number) for number in range(n_cards)]
    done = outcome(cards, neurons, notes=["a note of the pass"])
    show(done, Output())
    out = capsys.readouterr().out
    assert f"org/model: {n_cards} super weights, {n_cards} neurons" in out
    assert "and 10 cards more in the files (-v shows all)" in out
    assert "Note: a note of the pass" in out
    assert f"[{10 + N_SHOWN},20]" not in out
    show(done, Output(verbose=True))
    assert f"[{10 + N_SHOWN},20]" in capsys.readouterr().out
