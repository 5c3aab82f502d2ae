"""The promises of a simulated month on an accelerated clock, with real posts if available."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import local
from local import LocalStackError
from local.clock import accelerated_clock
from tests.conftest import PROJECT

LONGEST_SECONDS = 1200


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    try:
        accelerated_clock.library()
    except LocalStackError as error:
        pytest.skip(str(error))
    output = tmp_path_factory.mktemp("month")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.month", "--json", "--output", str(output)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    finally:
        local.down(output / "stack")
    assert done.stdout, done.stderr
    assert (output / "month.svg").read_text().startswith("<?xml")
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    "promise",
    [
        "no post is lost",
        "posts like the base data set off no alarm",
        "gradual drift is noticed while it grows",
        "each alarm asks for one retraining when it begins",
        "what learned enough of the new posts is promoted",
        "posts like those that the new champion learned set off none",
        "an abrupt shift is noticed on its day",
        "without enough labels, live quality has no value",
        "no model is trained while labels are missing",
        "late and repeated labels count once each",
        "a challenger from flipped labels is rejected",
        "a rollback takes less than a minute, and lasts",
        "each new champion was accepted by the gate",
    ],
)
def test_each_promise_is_kept(month: dict[str, Any], promise: str) -> None:
    (found,) = [one for one in month["promises"] if one["promise"] == promise]
    assert found["kept"], found["because"]


def test_the_simulation_covers_thirty_calendar_days(month: dict[str, Any]) -> None:
    dates = [day["date"] for day in month["days"]]
    assert (dates[0], dates[-1], len(set(dates))) == ("2026-03-01", "2026-03-30", 30)
    versions = {day["champion"] for day in month["days"]}
    assert all(version.startswith(("v202602", "v202603")) for version in versions)
