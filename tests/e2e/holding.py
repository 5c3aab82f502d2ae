"""Records that the deployed stack holds for a replay."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from cli.deployment.client import payload
from cli.replay.held_objects import Selection
from local.event_source_mapping.batching import Batch, Condition, Discard, ShardRecord
from local.event_source_mapping.invocation import Source, failure_key, failure_record
from stresswatch.aws import stack_outputs
from stresswatch.contracts.predictions import Record, Rejection
from stresswatch.storage import quarantine
from tests.conftest import make_posts
from tests.e2e.deployed import Deployed

SHARD = "shardId-000000000077"


@dataclass(frozen=True)
class Holding:
    """Posts of a separate hour: one in quarantine, two in a failed batch."""

    records: tuple[Record, ...]
    selection: Selection

    @property
    def ids(self) -> list[str]:
        return sorted(record.prediction_id for record in self.records)


def hold(deployed: Deployed, hour: datetime) -> Holding:
    """Hold valid posts, as after too narrow a contract and a long outage."""
    outputs, s3 = deployed.stack.outputs, deployed.client("s3")
    stream, bucket = outputs[stack_outputs.POSTS_STREAM], outputs[stack_outputs.QUARANTINE_BUCKET]
    records = tuple(
        Record(payload(post)[1], stream, SHARD, str(uuid.uuid4().int), hour.timestamp())
        for post in make_posts(3, seed=71)
    )
    rejected, *given_up = records
    quarantine.write(s3, bucket, [Rejection(rejected, "text_too_long", "a test says so")])
    batch = tuple(
        ShardRecord(one.sequence_number, "key", one.data, one.arrival) for one in given_up
    )
    source = Source(f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}", SHARD, "role")
    discard = Discard(Batch(batch), Condition.RECORD_AGE_EXCEEDED)
    s3.put_object(
        Bucket=bucket,
        Key=failure_key("test", SHARD, hour.timestamp(), uuid.uuid4()),
        Body=json.dumps(failure_record(discard, source, "function", hour.timestamp())).encode(),
    )
    return Holding(records, Selection(since=hour, until=hour + timedelta(hours=1)))
