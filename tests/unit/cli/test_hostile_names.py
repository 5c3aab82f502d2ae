"""Hostile names: no view reads them as markup, or as commands to the terminal."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import typer

from cli.console import SafeConsole, errors_in_a_sentence
from cli.data.listing import BaseRow, LabelsRow, Listing, TrainingRow
from cli.data.suspicious import SuspiciousLabel, SuspiciousLabels
from cli.deployment.deletion import DeletionPlan, Resource
from cli.errors import OperatorError
from cli.label_queue.narrowing import needs
from cli.label_queue.waiting import LabelQueue, show
from cli.measurements import measurement_table
from cli.post_files.checking import CheckReport
from cli.trend import Trend
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import Post
from stresswatch.contracts.sampling import Draw, SampleKind
from stresswatch.rates.cells import Period
from stresswatch.storage.label_queue import QueuedPost
from stresswatch.storage.training_sources import Counts
from tests.unit.cli.test_measure import DRIFT, QUALITY, RATE, Measurement
from tests.unit.rates.worlds import WEEK

NAME = "[/x]\x1b[31m\x9b1m\u202eb"
SHOWN = "[/x]%1B[31m%C2%9B1m%E2%80%AEb"
NOW = datetime(2026, 11, 30, tzinfo=UTC)
DRAW = Draw(0.1, 0.5, SampleKind.RANDOM)
POST = Post(NAME, "a text", (0.0,) * 5, None, NAME)
QUEUED = QueuedPost("id", POST, 0.9, "v1", "2026-11-24T09:00:00+00:00", DRAW)
RATES = [WEEK, replace(WEEK, source=NAME), replace(WEEK, source="b", corrected_rate=0.6)]
COUNTS = Counts(posts=1, positive=1)


def listing():
    return Listing(
        NAME.replace("[/x]", ""),
        [BaseRow(NAME, COUNTS, 0, 1, NOW)],
        LabelsRow(0, COUNTS, 0, 0, None),
        [TrainingRow("v1", True, COUNTS, 0, {NAME: 1}, 0, 1, NOW)],
    )


def checked():
    return CheckReport(reasons=Counter(bad=1), first={"bad": ("line 1", NAME)})


def measured():
    drift = DRIFT | {"features": {NAME: {"drifted": True}}, "failed": {NAME: "why"}}
    return measurement_table(Measurement(drift, QUALITY, RATE))


VIEWS = {
    "queue": lambda console: show(console, LabelQueue([QUEUED], 0)),
    "queue --width": lambda console: needs(4, RATES, [QUEUED]).show(console),
    "trend": lambda console: Trend(Period.WEEK, None, RATES).show(console),
    "trend --source": lambda console: Trend(Period.WEEK, NAME, RATES[1:2]).show(console),
    "data list": lambda console: listing().show(console),
    "data suspicious": lambda console: SuspiciousLabels(
        "v1", 1, 1, (SuspiciousLabel(LabelledPost(POST, 1), 0.1),)
    ).show(console, 1),
    "--check": lambda console: checked().show(console),
    "measure": lambda console: console.print(measured()),
    "destroy": lambda console: DeletionPlan([Resource("kind", "Logical", NAME)], []).show(console),
}


def printed(view):
    console = SafeConsole(file=(text := io.StringIO()), width=300)
    view(console)
    return text.getvalue()


@pytest.mark.parametrize("command", VIEWS)
def test_a_hostile_name_is_escaped_in_every_view(command):
    said = printed(VIEWS[command])
    assert SHOWN in said
    assert all(line.isprintable() for line in said.split("\n"))


def test_a_hostile_name_is_escaped_in_errors(capsys):
    with pytest.raises(typer.Exit), errors_in_a_sentence():
        raise OperatorError(f"There are no posts of {NAME}.\nThe communities are: a.")
    said = capsys.readouterr().err
    assert said == f"There are no posts of {SHOWN}.\nThe communities are: a.\n"
