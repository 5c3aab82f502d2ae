"""The story of `make demo`, on the local stack, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
import pytest

from tests.conftest import PROJECT

COMMAND = [str(Path(sys.executable).with_name("stresswatch")), "demo", "--output"]
LONGEST_SECONDS = 180


def environment(data: Path | str, output: Path) -> dict[str, str]:
    return os.environ | {
        "STRESSWATCH_DATA_DIR": str(data),
        "MLFLOW_TRACKING_URI": f"sqlite:///{output.parent}/mlflow/mlflow.db",
        "COLUMNS": "60",  # the tables must fit wherever they are read
    }


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
    deadline = time.monotonic() + 10
    while left := processes_of(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def interrupt_once_it_is_deployed(output: Path, data: Path | str) -> str:
    """Play the demo until its stack runs, then press Ctrl-C; give the stack's endpoint."""
    demo = subprocess.Popen(
        [*COMMAND, str(output)], env=environment(data, output), cwd=PROJECT, start_new_session=True
    )
    state = output / "stack" / "local.json"
    deadline = time.monotonic() + LONGEST_SECONDS
    while not state.exists():
        assert demo.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    endpoint = json.loads(state.read_text())["endpoint"]
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 130
    return endpoint


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A demo that was interrupted, then played to its end; on real posts where they are."""
    folder = tmp_path_factory.mktemp("played")
    data = os.environ.get("STRESSWATCH_DATA_DIR", folder / "no-data")
    output = folder / "demo"
    endpoint = interrupt_once_it_is_deployed(output, data)
    assert_nothing_runs(output)
    address = urlsplit(endpoint)
    with socket.socket() as probe:
        assert probe.connect_ex((address.hostname, address.port)) != 0
    done = subprocess.run(
        [*COMMAND, str(output)],
        env=environment(data, output),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert_nothing_runs(output)
    return data, output, done.stdout


@pytest.fixture(scope="module")
def summary(played):
    return json.loads((played[1] / "summary.json").read_text())


def test_it_says_which_posts_it_played_with(played, summary):
    word = "real posts" if Path(played[0]).is_dir() else "synthetic posts"
    assert word in summary["data"]
    assert word in played[2].replace("\n", " ")


def test_nothing_is_lost_and_nothing_is_predicted_twice(summary):
    assert summary["posts_sent"] > 1000
    assert summary["predictions_received"] == summary["posts_sent"]
    assert (summary["lost"], summary["duplicates"]) == (0, 0)


def test_the_invalid_records_are_in_quarantine_and_no_others(summary):
    assert summary["quarantined"] == 4


def test_windows_like_the_training_data_do_not_alarm_and_the_unseen_communities_do(summary):
    first, second, unseen, _ = summary["drift"]
    assert [window["status"] for window in (first, second, unseen)] == ["measured"] * 3
    assert not first["alarm"]
    assert not second["alarm"]
    assert unseen["alarm"]
    assert unseen["share"] >= 0.5 > max(first["share"], second["share"])
    assert len(unseen["columns"]) == 13


def test_the_alarm_started_the_retraining_that_replaced_the_champion(summary):
    retraining = summary["retraining"]
    assert (retraining["trigger"], retraining["status"]) == ("drift_alarm", "SUCCEEDED")
    assert retraining["gate"]["accepted"]
    assert retraining["dataset"]["labelled_posts"] > 300
    assert retraining["dataset"]["parent"] == summary["champion_before"]
    assert summary["champion_after"] == retraining["gate"]["version"]
    assert summary["champion_before"] != summary["champion_after"]


def test_the_new_champion_answers_without_a_redeploy(summary):
    assert summary["drift"][-1]["model_version"] == summary["champion_after"]


def test_the_new_champion_is_no_worse_where_it_learned(summary):
    assert summary["brier_after"] < summary["brier_before"]
    # The 95 % interval of an F1 over some 230 posts is about 0.06 to either side.
    assert summary["f1_after"] > summary["f1_before"] - 0.06


def test_it_takes_under_three_minutes_and_says_where_they_went(summary):
    assert summary["seconds"] < LONGEST_SECONDS
    assert sum(summary["steps"].values()) == pytest.approx(summary["seconds"], rel=0.2)


class Addresses(HTMLParser):
    """Everything that a page would fetch."""

    def __init__(self):
        super().__init__()
        self.fetched = []

    def handle_starttag(self, tag, attrs):
        names = {"script": "src", "img": "src", "link": "href", "iframe": "src"}
        self.fetched += [value for name, value in attrs if name == names.get(tag)]


def test_the_report_is_one_page_that_needs_no_network(played):
    page = (played[1] / "report.html").read_text()
    parser = Addresses()
    parser.feed(page)
    assert parser.fetched == []
    assert page.count('class="plotly-graph-div"') == 3


def test_the_new_champions_card_lies_beside_the_report_which_names_it(played, summary):
    card = (played[1] / "model_card.html").read_text()
    assert summary["champion_after"] in card
    assert "This is no diagnosis" in card
    assert 'href="model_card.html"' in (played[1] / "report.html").read_text()


def test_both_trainings_are_tracked(played, summary):
    client = mlflow.MlflowClient(f"sqlite:///{played[1].parent}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("stress-model")
    runs = client.search_runs([experiment.experiment_id])
    finished = {run.info.run_name for run in runs if run.info.status == "FINISHED"}
    assert {summary["champion_before"], summary["champion_after"]} <= finished
