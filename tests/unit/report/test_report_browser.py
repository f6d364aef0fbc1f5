"""The page in a real browser: it loads without complaint, tables sort and filter, tokens stay text."""

from __future__ import annotations

from pathlib import Path

import pytest

from swa import runs
from tests.support.artifacts import (
    HOSTILE,
    moe_detection,
    save_analysis,
    save_detection,
    save_everything,
    special_analysis,
)
from tests.support.web_page import CHROMIUM, DRIVER, WebPage, browser

pytestmark = pytest.mark.skipif(
    not (CHROMIUM.exists() and DRIVER.exists()), reason="needs Chromium: apt-get install chromium chromium-driver"
)
ENTER = "\ue007"
TABLE = "#m0-candidates .fold table"
FIRST = f"return [...document.querySelectorAll('{TABLE} tbody tr')].map(r => r.cells[0].textContent)"


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("results")
    save_everything(root)
    save_detection(root / "more" / "org--moe", moe_detection())
    save_analysis(root / "more" / "org--odd", special_analysis("org/odd"))
    return Path(runs.report(root).files["report"])


@pytest.fixture(scope="module")
def page(written, tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def report(page: WebPage, written: Path) -> WebPage:
    page.devtools("Emulation.setDeviceMetricsOverride", width=1300, height=900, deviceScaleFactor=1, mobile=False)
    page.devtools("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": "light"}])
    page.open(written)
    return page


def test_the_page_loads_without_complaint_and_asks_for_nothing(report):
    assert report.console() == []
    assert report.js("return document.title") == "Super weights of org/model, org/moe, org/odd"
    assert report.js("return performance.getEntriesByType('resource').map(e => e.name)") == []
    assert report.js("return [...document.images].every(i => i.complete && i.naturalWidth > 100)")


def test_hostile_tokens_are_text(report):
    assert (
        report.js("return document.querySelectorAll('main script, main img:not([src^=\"data:\"]), [onerror]').length")
        == 0
    )
    shown = report.js("return [...document.querySelectorAll('#m0-cards .token')].map(t => t.textContent)")
    assert HOSTILE[0] in shown
    assert r"\u202eevil\u202c" in shown
    assert not any("\u202e" in text or "\x1b" in text for text in report.js("return [document.body.innerText]"))


def test_a_table_sorts_by_keyboard_and_says_so(report):
    before = report.js(FIRST)
    button = f"document.querySelectorAll('{TABLE} thead th')[0].querySelector('button')"
    report.js("document.querySelectorAll('details').forEach(d => d.open = true)")
    report.js(f"{button}.focus()")
    report.press(ENTER)
    sort = f"return document.querySelectorAll('{TABLE} thead th')[0].getAttribute('aria-sort')"
    assert report.js(sort) == "ascending"
    assert report.js(FIRST) == sorted(before)
    report.press(ENTER)
    assert report.js(sort) == "descending"
    assert report.js(FIRST) == sorted(before, reverse=True)


def test_numbers_sort_as_numbers_and_nothing_is_last(report):
    report.js("document.querySelectorAll('#models thead th button')[4].click()")
    rows = "return [...document.querySelectorAll('#models tbody tr')].map(r => r.cells[0].textContent)"
    assert report.js(rows) == ["org/odd", "org/model", "org/moe"]  # infinite, 6.05, not measured
    report.js("document.querySelectorAll('#models thead th button')[4].click()")
    assert report.js(rows) == ["org/model", "org/odd", "org/moe"]
    assert report.js("return document.querySelectorAll('#models thead th[aria-sort]').length") == 1


def test_a_filter_leaves_what_it_names(report):
    script = """
        const box = document.querySelector('#m0-neurons .tools input');
        box.value = arguments[0]; box.dispatchEvent(new Event('input'));
        const rows = [...document.querySelector('#m0-neurons tbody').rows];
        return [rows.filter(r => !r.hidden).length, document.querySelector('#m0-neurons output').textContent]"""
    assert report.js(script, "neuron SUPPRESSION") == [2, "2 of 7 rows"]
    assert report.js(script, "") == [7, ""]


def test_colours_follow_the_system_and_the_button(report):
    ground = "return getComputedStyle(document.body).backgroundColor"
    assert report.js(ground) == "rgb(255, 255, 255)"
    report.devtools(
        "Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    assert report.js(ground) == "rgb(20, 23, 26)"
    assert report.js("return document.getElementById('theme').textContent") == "Light"
    report.js("document.getElementById('theme').click()")
    assert report.js(ground) == "rgb(255, 255, 255)"


def test_a_phone_scrolls_in_one_direction_only(report, written):
    report.devtools("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    report.open(written)
    assert report.js("return document.documentElement.scrollWidth <= 390")
    assert report.js("return document.getElementById('contents').open") is False


def test_paper_shows_what_is_folded(report):
    folded = "return document.querySelectorAll('details.fold:not([open])').length"
    assert report.js(folded) > 0
    assert report.js(f"dispatchEvent(new Event('beforeprint')); {folded}") == 0
    assert report.js(f"dispatchEvent(new Event('afterprint')); {folded}") > 0
    report.devtools("Emulation.setEmulatedMedia", media="print", features=[])
    assert report.js("return getComputedStyle(document.querySelector('nav')).display") == "none"
