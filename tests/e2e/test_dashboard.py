"""The page of `stresswatch dashboard` in a real browser, next to its stack."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from cli.dashboard.page import TILES
from cli.dashboard.rates import RecentRates
from cli.status.alarms import AlarmStatus
from cli.status.snapshot import Snapshot, take_snapshot
from docs.browser import browser, programs, screen
from docs.screenshot import served, wait_for_page
from stresswatch.monitoring.dashboard import PANELS, RATE, SECTIONS
from stresswatch.monitoring.panels import NAMESPACE
from tests.conftest import PROJECT
from tests.e2e.deployed import Deployed
from tests.e2e.shell import Shell
from tests.e2e.waiting import eventually
from tests.unit.rates.worlds import DAY

pytestmark = pytest.mark.skipif(
    programs() is None, reason="no Chromium: apt-get install chromium chromium-driver"
)
COMMAND = str(Path(sys.executable).with_name("stresswatch"))
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
DRAWN = [panel for panel in PANELS if panel not in RATE.panels]
"""Panels with graphs of metrics; the stress rate's section reads the table."""

COVERED = """
const box = element => element.getBoundingClientRect();
const outside = (one, other) => one.bottom <= other.top || other.bottom <= one.top
  || one.right <= other.left || other.right <= one.left;
const within = (one, other) => one.bottom <= other.bottom && one.right <= other.right;
return [...document.querySelectorAll("figure")].flatMap(figure =>
  [...figure.querySelectorAll(".legend")].flatMap(legend => [
    ...[...figure.querySelectorAll(".xtick text, .ytick text")]
      .filter(label => !outside(box(label), box(legend)))
      .map(label => `${label.textContent} and ${legend.textContent}`),
    ...(within(box(legend), box(figure)) ? [] : [`${legend.textContent} and the border`]),
  ]));
"""
"""Legends that cover a label of an axis, or that the panel cuts."""
BROKEN = r"""
const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode())
  for (const word of texts.currentNode.textContent.matchAll(/[^\s-]+/g)) {
    const range = document.createRange();
    range.setStart(texts.currentNode, word.index);
    range.setEnd(texts.currentNode, word.index + word[0].length);
    const lines = [...range.getClientRects()].map(line => Math.round(line.top));
    if (new Set(lines).size > 1) found.push(word[0]);
  }
return found;
"""
"""Words that continue on another line."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chrome]:
    with browser() as opened:
        yield opened


def text(opened: Chrome) -> str:
    return opened.find_element(By.ID, "snapshot").text


def asked_for(opened: Chrome) -> set[str | None]:
    """Hosts that the browser made requests to."""
    events = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    addresses = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    return {urlsplit(one).hostname for one in addresses if one.startswith(("http", "ws"))}


@pytest.fixture(scope="module")
def measured(deployed: Deployed, retraining: dict[str, Any]) -> Snapshot:
    """The stack's page after posts were predicted and drift was measured."""
    deployed.deployment.measure(datetime.now(UTC) - HOUR, datetime.now(UTC))

    def all_there() -> Snapshot | None:
        snapshot = take_snapshot(deployed.deployment, "dev", HOUR)
        figures = {
            line.label: line.figure for lines in snapshot.measured.values() for line in lines
        }
        wanted = ("predicted", "in the drift window", "challenger accepted", "billed", "posts")
        return snapshot if all(figures.get(one) for one in wanted) else None

    return eventually("metrics of what was done", all_there)


def test_the_page_shows_the_champion_metrics_and_runs(
    deployed: Deployed, measured: Snapshot, chromium: Chrome
) -> None:
    with served(deployed.deployment) as address:
        chromium.get(address)
        wait_for_page(chromium)
        shown = text(chromium)
    assert measured.champion
    assert measured.champion in shown
    for panel in DRAWN:
        assert panel.title in shown
    assert measured.runs[0].summary in chromium.find_element(By.ID, "runs").text
    assert chromium.find_elements(By.CSS_SELECTOR, ".scatterlayer .point")
    errors = [one for one in chromium.get_log("browser") if one["level"] == "SEVERE"]
    assert errors == []
    assert asked_for(chromium) == {"127.0.0.1"}


def test_the_stress_rate_is_above_all_technical_panels(chromium: Chrome) -> None:
    rates = [DAY, replace(DAY, source="ptsd"), replace(DAY, source="anxiety")]
    with served(Snapshot("stresswatch-dev", NOW, NOW - HOUR), RecentRates(rates)) as address:
        chromium.get(address)
        wait_for_page(chromium)
        headings = [one.text for one in chromium.find_elements(By.TAG_NAME, "h2")]
        images = chromium.find_elements(By.CSS_SELECTOR, "#rates img")
        assert [int(one.get_property("naturalWidth")) > 0 for one in images] == [True] * 3
        verdict = chromium.find_element(By.ID, "verdict").location["y"]
        assert all(one.location["y"] < verdict for one in images)
    assert headings[0] == RATE.title
    assert headings[-1] == SECTIONS[-1].title
    errors = [one for one in chromium.get_log("browser") if one["level"] == "SEVERE"]
    assert errors == []


@pytest.mark.parametrize("width", [390, 700])
def test_a_narrow_window_needs_no_horizontal_scrolling(
    measured: Snapshot, chromium: Chrome, width: int
) -> None:
    rates = RecentRates([DAY, replace(DAY, source="a_long_name" * 9)])
    with screen(chromium, width), served(measured, rates) as address:
        chromium.get(address)
        wait_for_page(chromium)
        page = chromium.find_element(By.TAG_NAME, "html")
        assert int(page.get_property("scrollWidth")) <= width


@pytest.mark.parametrize("width", [390, 1280])
def test_legends_cover_no_labels_and_words_are_not_broken(
    measured: Snapshot, chromium: Chrome, width: int
) -> None:
    with screen(chromium, width), served(measured, RecentRates([DAY])) as address:
        chromium.get(address)
        wait_for_page(chromium)
        assert len(chromium.find_elements(By.CSS_SELECTOR, ".legend")) > 5
        assert chromium.execute_script(COVERED) == []
        assert chromium.execute_script(BROKEN) == []


def test_panels_query_metrics_with_the_published_dimensions(
    deployed: Deployed, measured: Snapshot
) -> None:
    pages = deployed.client("cloudwatch").get_paginator("list_metrics")
    published = {
        (metric["MetricName"], frozenset(one["Name"] for one in metric["Dimensions"]))
        for page in pages.paginate(Namespace=NAMESPACE)
        for metric in page["Metrics"]
    }
    names = {name for name, _ in published}
    for series in (series for panel in PANELS for series in panel.series):
        if "Community" in series.dimensions:
            continue  # of communities with enough labelled posts, which this stack may lack
        if series.namespace == NAMESPACE and series.metric in names:
            assert (series.metric, frozenset(series.dimensions)) in published


def test_the_page_of_a_new_stack_says_nothing_was_measured(chromium: Chrome) -> None:
    lines = dict.fromkeys((panel.title for panel in PANELS), ())
    with served(Snapshot("stresswatch-dev", NOW, NOW - HOUR, measured=lines)) as address:
        chromium.get(address)
        wait_for_page(chromium)
        shown = text(chromium)
        without = chromium.find_elements(By.CSS_SELECTOR, "figure .none")
    assert "Nothing has been measured yet" in shown
    assert "no champion yet" in shown
    assert [one.text for one in without] == ["not measured yet"] * len(DRAWN)


def test_firing_alarms_are_shown_with_their_meaning_and_runbook(chromium: Chrome) -> None:
    meaning = "Many columns moved. <script>alert(1)</script>"
    alarms = [
        AlarmStatus("a", "ALARM", NOW, meaning, "docs/runbooks/drift.md", "DriftShare", 0.15),
        AlarmStatus("b", "OK", NOW, "", "", "Errors", 1),
    ]
    unreadable = {"retraining": "AccessDenied."}
    with served(
        Snapshot("stresswatch-dev", NOW, NOW - HOUR, alarms=alarms, unreadable=unreadable)
    ) as address:
        chromium.get(address)
        wait_for_page(chromium)
        shown = chromium.find_element(By.ID, "verdict").text
        assert "Could not read retraining: AccessDenied." in text(chromium)
    assert "1 of 2 alarms are firing" in shown
    assert meaning in shown  # as text
    assert "docs/runbooks/drift.md" in shown


def test_every_tile_shows_an_existing_series() -> None:
    lines = {(panel.title, series.label) for panel in PANELS for series in panel.series}
    assert {(title, label) for title, label, _ in TILES} <= lines


def test_screenshots_are_taken_of_the_local_stacks_pages(
    deployed: Deployed, measured: Snapshot, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / ".stresswatch").symlink_to(deployed.folder)
    (tmp_path / "docs" / "images").mkdir(parents=True)
    lines = [
        "python -m docs.screenshot dashboard docs/images/dashboard.png",
        "python -m docs.screenshot quality docs/images/quality.png",
        "python -m docs.screenshot phone docs/images/phone.png",
        "python -m docs.screenshot card docs/images/card.png",
        "python -m docs.screenshot api docs/images/api.png",
    ]
    # They are typed in a checkout, where Python finds the module.
    shell.type(lines, tmp_path, variables={"PYTHONPATH": str(PROJECT)})
    for line in lines:
        with Image.open(tmp_path / line.split()[-1]) as picture:
            assert picture.width == 780
            # Tests share the stack, and each firing alarm makes the dashboard's pictures higher.
            assert picture.height > 800, line
            assert len(picture.getcolors()) > 20


def test_the_readmes_picture_is_redrawn(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "docs" / "images").mkdir(parents=True)
    here = {"PYTHONPATH": str(PROJECT)}
    line = "python -m docs.rate_picture docs/images/stress-rate.png"
    shell.type([line], tmp_path, variables=here)
    with Image.open(tmp_path / "docs" / "images" / "stress-rate.png") as picture:
        assert picture.width == 780
        assert 500 < picture.height < 900


def test_the_dashboard_is_served_until_ctrl_c(deployed: Deployed, tmp_path: Path) -> None:
    (tmp_path / ".stresswatch").symlink_to(deployed.folder)
    command = subprocess.Popen(
        [COMMAND, "dashboard", "--local", "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert command.stdout
        told = command.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:(\d+)", told)
        assert address
        taken = subprocess.run(
            [COMMAND, "dashboard", "--local", "--port", address[1]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert taken.returncode == 1
        assert taken.stderr == (
            f"Port {address[1]} of 127.0.0.1 is not available (Address already in use); "
            "give another with --port.\n"
        )
        command.send_signal(signal.SIGINT)
        _, errors = command.communicate(timeout=30)
    finally:
        command.kill()
    assert (command.returncode, errors) == (0, "")
