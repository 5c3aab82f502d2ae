"""What is held on the deployed stack is replayed by somebody with the documented permissions."""

from __future__ import annotations

import io
import itertools
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from cli.loop import Consumer, payload
from cli.replay.command import replay
from cli.replay.held import Selection
from cli.targets import Target
from local.batching import Batch, Condition, Discard
from local.batching import Record as StreamedRecord
from local.invocation import Source, failure_key, failure_record
from stresswatch import archive, quarantine
from stresswatch.predictions import Record, Rejection
from tests.conftest import make_posts
from tests.e2e.deployed import Deployed
from tests.e2e.operators import not_missed, operator
from tests.e2e.policies import Policy

SHARD = "shardId-000000000077"
HOURS = itertools.count()


@pytest.fixture(scope="module")
def able(deployed: Deployed, retraining: dict[str, Any]) -> Iterator[tuple[Target, Policy]]:
    with operator(deployed, "replay") as found:
        yield found


@dataclass(frozen=True)
class Holding:
    """Posts of an hour of their own: one in quarantine, two in a failed batch."""

    records: tuple[Record, ...]
    selection: Selection

    @property
    def ids(self) -> list[str]:
        return sorted(record.prediction_id for record in self.records)


def hold(deployed: Deployed) -> Holding:
    """Hold valid posts, as after a contract that was too narrow and an outage that was too long."""
    hour = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=next(HOURS))
    outputs, s3 = deployed.stack.outputs, deployed.client("s3")
    stream, bucket = outputs["PostsStreamName"], outputs["QuarantineBucketName"]
    records = tuple(
        Record(payload(post)[1], stream, SHARD, str(uuid.uuid4().int), hour.timestamp())
        for post in make_posts(3, seed=71)
    )
    rejected, *given_up = records
    quarantine.write(s3, bucket, [Rejection(rejected, "text_too_long", "a test says so")])
    batch = tuple(
        StreamedRecord(one.sequence_number, "key", one.data, one.arrival) for one in given_up
    )
    source = Source(f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}", SHARD, "role")
    discard = Discard(Batch(batch), Condition.RECORD_AGE_EXCEEDED)
    s3.put_object(
        Bucket=bucket,
        Key=failure_key("test", SHARD, hour.timestamp(), uuid.uuid4()),
        Body=json.dumps(failure_record(discard, source, "function", hour.timestamp())).encode(),
    )
    return Holding(records, Selection(since=hour, until=hour + timedelta(hours=1)))


def run(target: Target, held: Holding, *, execute: bool = True) -> tuple[int, str]:
    """Replay what is held; give how many records are left, and what was said."""
    shown = io.StringIO()
    left = replay(Console(file=shown, width=100), target, held.selection, execute=execute)
    return left, shown.getvalue()


def predicted(deployed: Deployed, held: Holding) -> list[str]:
    """The ids of what the archive's reader returns of the posts that are or were held."""
    now, hour = datetime.now(UTC), timedelta(hours=1)
    bucket = deployed.stack.outputs["ArchiveBucketName"]
    rows = archive.read(deployed.client("s3"), bucket, now - hour, now + hour)
    return sorted(row["prediction_id"] for row in rows if row["prediction_id"] in held.ids)


def streamed(deployed: Deployed) -> set[str]:
    consumer = Consumer(deployed.loop.target)
    while consumer.poll():
        pass
    return set(consumer.predictions)


def test_what_was_held_is_predicted_once_and_is_held_no_more(
    deployed: Deployed, able: tuple[Target, Policy]
) -> None:
    target, _ = able
    held = hold(deployed)
    left, said = run(target, held, execute=False)
    assert left == 3
    assert "to send it, add --execute" in said
    assert predicted(deployed, held) == []

    assert run(target, held)[0] == 0
    assert predicted(deployed, held) == held.ids
    assert set(held.ids) <= streamed(deployed)
    left, said = run(target, held)
    assert left == 0
    assert said.startswith("There is nothing to replay.\n")


def test_without_any_one_of_the_documented_permissions_nobody_can_replay(
    deployed: Deployed, able: tuple[Target, Policy]
) -> None:
    target, policy = able
    assert not_missed(policy, lambda: run(target, hold(deployed))) == []
