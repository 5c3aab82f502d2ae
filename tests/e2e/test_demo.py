"""The story of `make demo`, as a user runs it, and the page of `make mlflow` after it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
import pytest
from PIL import Image

from docs.browser import programs
from local.emulator.server import free_port
from tests.e2e.checkout import repository
from tests.e2e.wheel import install

DEADLINE_SECONDS = 1200


def typed(line: str, folder: Path, **variables: str) -> subprocess.Popen[str]:
    """Type a line in a folder, as into a separate terminal: Ctrl-C reaches all its processes."""
    return subprocess.Popen(
        shlex.split(line),
        cwd=folder,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def play(folder: Path, data: Path, line: str = "make demo") -> subprocess.Popen[str]:
    # The tables must fit in every terminal.
    quiet = {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return typed(line, folder, STRESSWATCH_DATA_DIR=str(data), COLUMNS="60", **quiet)


def processes_of(folder: Path) -> list[str]:
    """Command lines of the processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            surroundings = (process / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command + surroundings:
            found.append(command)
    return found


def assert_nothing_runs(folder: Path) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while left := processes_of(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def interrupt_once_it_is_deployed(folder: Path, data: Path) -> str:
    """Play the demo until its stack runs, then press Ctrl-C; return the stack's endpoint."""
    demo = play(folder, data)
    state = folder / "build" / "demo" / "stack" / "local.json"
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not state.exists():
        assert demo.poll() is None, demo.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    endpoint = json.loads(state.read_text())["endpoint"]
    os.killpg(demo.pid, signal.SIGINT)
    said, _ = demo.communicate(timeout=DEADLINE_SECONDS)
    assert "[Makefile" in said
    assert "demo] Error 130" in said
    return endpoint


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A demo that was interrupted, then played to its end; on real posts if available.

    The checkout's demo comes first, the built wheel's second: both play in a checkout.
    """
    folder = repository(tmp_path_factory.mktemp("played"))
    data = Path(os.environ.get("STRESSWATCH_DATA_DIR", folder / "no-data")).absolute()
    endpoint = interrupt_once_it_is_deployed(folder, data)
    assert_nothing_runs(folder)
    address = urlsplit(endpoint)
    with socket.socket() as probe:
        assert probe.connect_ex((address.hostname, address.port)) != 0
    programs = install(tmp_path_factory.mktemp("wheel"))
    demo = play(folder, data, f"{programs}/stresswatch demo")
    said, _ = demo.communicate(timeout=DEADLINE_SECONDS)
    assert demo.returncode == 0, said
    assert_nothing_runs(folder)
    return data, folder, said


@pytest.fixture(scope="module")
def summary(played):
    return json.loads((played[1] / "build" / "demo" / "summary.json").read_text())


def test_the_demo_says_whether_its_posts_are_real_or_synthetic(played, summary):
    word = "real posts" if played[0].is_dir() else "synthetic posts"
    assert summary["task"] == "stress"
    assert word in summary["data"]
    assert word in played[2].replace("\n", " ")


def test_each_post_is_predicted_exactly_once(summary):
    assert summary["posts_sent"] > 1000
    assert summary["predictions_received"] == summary["posts_sent"]
    assert (summary["lost"], summary["duplicates"]) == (0, 0)


def test_only_the_invalid_records_are_quarantined(summary):
    assert summary["quarantined"] == 4


def test_only_unseen_communities_fire_the_drift_alarm(summary):
    first, second, unseen, _ = summary["drift"]
    assert [window["status"] for window in (first, second, unseen)] == ["measured"] * 3
    assert not first["alarm"]
    assert not second["alarm"]
    assert unseen["alarm"]
    assert unseen["share"] > max(first["share"], second["share"])
    assert len(unseen["features"]) == 13


def test_the_drift_alarm_starts_a_retraining_that_is_promoted(summary):
    retraining = summary["retraining"]
    assert (retraining["trigger"], retraining["status"]) == ("drift_alarm", "SUCCEEDED")
    assert retraining["gate"]["accepted"]
    assert retraining["dataset"]["labelled_posts"] > 300
    assert retraining["dataset"]["parent"] == summary["champion_before"]
    assert summary["champion_after"] == retraining["gate"]["version"]
    assert summary["champion_before"] != summary["champion_after"]


def test_the_new_champion_answers_without_a_redeploy(summary):
    assert summary["drift"][-1]["model_version"] == summary["champion_after"]


def test_retraining_lowers_the_brier_score_without_hurting_f1(summary):
    assert summary["brier_after"] < summary["brier_before"]
    assert summary["f1_change"]["high"] > 0, "it would be worse by more than chance"


def test_corrected_rates_of_unseen_communities_are_near_the_true_ones(summary):
    """The corrected rate is near the true one, which is in the interval in 95 of 100 runs."""
    rates = summary["rates"]
    assert [one["posts"] for one in rates] == sorted((one["posts"] for one in rates), reverse=True)
    corrected = [one for one in rates if one["corrected"] is not None]
    assert rates[0] in corrected
    for one in corrected:
        assert one["method"] == "prediction_powered"
        assert 0.3 < one["labelled"] / one["posts"] < 0.7
        assert one["low"] < one["corrected"] < one["high"]
        assert abs(one["corrected"] - one["true"]) < 3 * (one["high"] - one["low"]) / 2


def test_the_report_says_whether_a_change_is_significant(played, summary):
    page = (played[1] / "build" / "demo" / "report.html").read_text()
    changes = (summary["f1_change"], summary["brier_change"])
    by_chance = [one["low"] <= 0 <= one["high"] for one in changes]
    assert page.count("no measurable change") == sum(by_chance)


def test_the_demo_reports_the_duration_of_each_step(summary):
    assert sum(summary["steps"].values()) == pytest.approx(summary["seconds"], rel=0.2)


class Addresses(HTMLParser):
    """Return everything that a page would fetch."""

    def __init__(self):
        super().__init__()
        self.fetched = []

    def handle_starttag(self, tag, attrs):
        names = {"script": "src", "img": "src", "link": "href", "iframe": "src"}
        self.fetched += [value for name, value in attrs if name == names.get(tag)]


def test_the_report_is_a_single_offline_page(played):
    page = (played[1] / "build" / "demo" / "report.html").read_text()
    parser = Addresses()
    parser.feed(page)
    assert parser.fetched == []
    assert page.count("<svg") == 4
    assert len(page.encode()) < 1_000_000


def test_the_report_links_to_the_new_champions_model_card(played, summary):
    card = (played[1] / "build" / "demo" / "model_card.html").read_text()
    assert summary["champion_after"] in card
    assert "is not a diagnosis" in card
    assert 'href="model_card.html"' in (played[1] / "build" / "demo" / "report.html").read_text()


def tracked(address: str) -> set[str]:
    """Return the names of finished runs, read by MLflow's own client."""
    client = mlflow.MlflowClient(address)
    experiment = client.get_experiment_by_name("stress-demo")
    runs = client.search_runs([experiment.experiment_id])
    return {run.info.run_name for run in runs if run.info.status == "FINISHED"}


def test_both_trainings_are_tracked(played, summary):
    found = tracked(f"sqlite:///{played[1]}/.stresswatch/mlflow/mlflow.db")
    assert {summary["champion_before"], summary["champion_after"]} <= found


@pytest.fixture(scope="module")
def mlflow_port(played):
    """The port of `make mlflow`, which is ended by Ctrl-C."""
    port = str(free_port())
    server = typed("make mlflow", played[1], MLFLOW_PORT=port)
    said = ""
    try:
        for line in server.stdout:
            said += line
            if "Failed to fetch" in line or "network was disabled" in line:
                pytest.skip(f"the server's packages cannot be had here: {line}")
            if "Ctrl-C to stop" in line:
                break
        assert server.poll() is None, f"it ended by itself: {said}"
        runs = rf"Training runs of stress-demo: http://127\.0\.0\.1:{port}/#/experiments/\d+/runs\?"
        assert re.search(runs, said), said
        yield port
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGINT)
        after, _ = server.communicate(timeout=DEADLINE_SECONDS)
    assert after == ""
    assert_nothing_runs(played[1])


def test_the_mlflow_page_is_served_until_ctrl_c(mlflow_port, summary):
    address = f"http://127.0.0.1:{mlflow_port}"
    with urllib.request.urlopen(address, timeout=60) as page:
        assert "<title>MLflow</title>" in page.read().decode()
    assert {summary["champion_before"], summary["champion_after"]} <= tracked(address)


def test_a_second_mlflow_page_needs_another_port(mlflow_port, played):
    second = typed("make mlflow", played[1], MLFLOW_PORT=mlflow_port)
    said, _ = second.communicate(timeout=DEADLINE_SECONDS)
    assert (
        f"Port {mlflow_port} of 127.0.0.1 is not available (Address already in use); set "
        "MLFLOW_PORT to another.\n"
    ) in said
    assert second.returncode == 2


@pytest.mark.skipif(programs() is None, reason="no Chromium: apt-get install chromium-driver")
def test_a_screenshot_is_taken_of_the_training_runs(mlflow_port, played):
    path = os.pathsep.join([str(played[1] / ".venv" / "bin"), os.environ["PATH"]])
    line = "python -m docs.screenshot mlflow docs/images/mlflow.png"
    taking = typed(line, played[1], MLFLOW_PORT=mlflow_port, PATH=path)
    said, _ = taking.communicate(timeout=DEADLINE_SECONDS)
    assert taking.returncode == 0, said
    with Image.open(played[1] / "docs" / "images" / "mlflow.png") as picture:
        assert picture.width == 790
        assert 300 < picture.height < 1000
