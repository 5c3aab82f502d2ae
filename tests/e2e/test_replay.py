"""An operator with the documented permissions replays held records of the deployed stack."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from cli.deployment.consumer import Consumer
from cli.deployment.target import Target
from cli.replay.replay_records import replay
from stresswatch.aws import stack_outputs
from stresswatch.storage import archive
from tests.e2e.deployed import Deployed
from tests.e2e.holding import Holding, hold
from tests.e2e.operators import not_missed, operator
from tests.e2e.policies import Policy

HOURS = (datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in itertools.count())


@pytest.fixture(scope="module")
def able(deployed: Deployed, retraining: dict[str, Any]) -> Iterator[tuple[Target, Policy]]:
    with operator(deployed, "replay") as found:
        yield found


def run(target: Target, held: Holding, *, execute: bool = True) -> tuple[int, str]:
    """Replay held records; return how many are left, and the output."""
    shown = io.StringIO()
    left = replay(Console(file=shown, width=100), target, held.selection, execute=execute)
    return left, shown.getvalue()


def predicted(deployed: Deployed, held: Holding) -> list[str]:
    """Return the ids in the archive reader's rows, of posts that are or were held."""
    now, hour = datetime.now(UTC), timedelta(hours=1)
    bucket = deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
    rows = archive.read(deployed.client("s3"), bucket, now - hour, now + hour)
    return sorted(row["prediction_id"] for row in rows if row["prediction_id"] in held.ids)


def streamed(deployed: Deployed) -> set[str]:
    consumer = Consumer(deployed.deployment.target)
    while consumer.poll():
        pass
    return set(consumer.predictions)


def test_replayed_records_are_predicted_once_and_no_longer_held(
    deployed: Deployed, able: tuple[Target, Policy]
) -> None:
    target, _ = able
    held = hold(deployed, next(HOURS))
    left, said = run(target, held, execute=False)
    assert left == 3
    assert "to send the records, add --execute" in said
    assert predicted(deployed, held) == []

    assert run(target, held)[0] == 0
    assert predicted(deployed, held) == held.ids
    assert set(held.ids) <= streamed(deployed)
    left, said = run(target, held)
    assert left == 0
    assert said.startswith("There is nothing to replay.\n")


def test_a_replay_needs_each_of_the_documented_permissions(
    deployed: Deployed, able: tuple[Target, Policy]
) -> None:
    target, policy = able
    assert not_missed(policy, lambda: run(target, hold(deployed, next(HOURS)))) == []
