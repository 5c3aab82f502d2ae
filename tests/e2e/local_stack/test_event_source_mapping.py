"""Shards and the event source mapping, which `local/` adds to the emulator as AWS documents them.

When a release of the emulator includes one of these, the test still passes without the
driver, and the driver can be removed.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import local
from local.endpoint import Endpoint
from local.event_source_mapping.batching import MappingSettings
from local.event_source_mapping.mapping import EventSourceMapping
from local.event_source_mapping.poller import Poller
from local.threads import Threads
from tests.e2e.local_stack.small_stack import Small, arn_of, merge, split, start
from tests.e2e.waiting import eventually


class TestClosedShards:
    """A split or merged shard is closed, as on AWS; the emulator alone deletes it."""

    def records(self, small: Small, shard: str) -> list[bytes]:
        """Read a closed shard to its end, where the iterator is missing."""
        kinesis = small.stack.client("kinesis")
        stream = {"StreamName": small.Closed}
        iterator = kinesis.get_shard_iterator(
            **stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found = []
        while iterator:
            answer = kinesis.get_records(ShardIterator=iterator, Limit=3)
            found += [record["Data"] for record in answer["Records"]]
            iterator = answer.get("NextShardIterator")
        return found

    def test_a_closed_shard_can_be_read_but_not_written_or_split(self, small: Small) -> None:
        kinesis = small.stack.client("kinesis")
        parent, *children = [f"shardId-{number:012}" for number in range(4)]
        small.put(small.Closed, [{"number": number} for number in range(10)])
        split(small, small.Closed, parent)
        merge(small, small.Closed, *children[:2])
        small.put(small.Closed, [{"number": 10}])

        assert [json.loads(data)["number"] for data in self.records(small, parent)] == [*range(10)]
        assert self.records(small, children[0]) == self.records(small, children[1]) == []
        with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
            split(small, small.Closed, parent)
        summary = kinesis.describe_stream_summary(StreamName=small.Closed)
        assert summary["StreamDescriptionSummary"]["OpenShardCount"] == 1
        listed = kinesis.list_shards(StreamName=small.Closed)["Shards"]
        assert [shard["ShardId"] for shard in listed] == [parent, *children]

    def test_a_shard_count_update_that_would_lose_records_is_rejected(self, small: Small) -> None:
        kinesis = small.stack.client("kinesis")
        with pytest.raises(kinesis.exceptions.InvalidArgumentException, match="use SplitShard"):
            kinesis.update_shard_count(
                StreamName=small.Closed, TargetShardCount=2, ScalingType="UNIFORM_SCALING"
            )


class TestEventSourceMapping:
    def test_a_partial_batch_failure_loses_no_records_and_keeps_order(self, small: Small) -> None:
        records = [{"number": number, "fails_once": number in (3, 7)} for number in range(10)]
        small.put(small.Partial, records)

        eventually(
            "records that were handled", lambda: small.seen(small.Partial) == list(range(10))
        )

    def test_a_poison_record_is_isolated_and_delivered_to_s3(self, small: Small) -> None:
        small.put(small.Poison, [{"number": number, "poison": number == 6} for number in range(10)])

        eventually(
            "records that were handled",
            lambda: sorted(small.seen(small.Poison)) == [0, 1, 2, 3, 4, 5, 7, 8, 9],
        )
        (delivered,) = eventually("poison record", lambda: small.objects("aws/lambda/") or None)
        record = small.read(delivered["Key"])
        assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert record["responseContext"]["functionError"] == "Unhandled"
        assert record["KinesisBatchInfo"]["batchSize"] == 1
        (event,) = json.loads(record["payload"])["Records"]
        assert (
            event["kinesis"]["sequenceNumber"]
            == (record["KinesisBatchInfo"]["startSequenceNumber"])
        )

    def test_ten_thousand_records_are_processed_in_order_per_key(self, small: Small) -> None:
        records = [{"number": number, "key": f"key-{number % 7}"} for number in range(10_000)]
        small.put(small.Plain, records)

        eventually(
            "records that were handled", lambda: len(small.seen(small.Plain)) == 10_000, 20.0
        )
        seen = small.seen(small.Plain)
        for key in range(7):
            of_key = [number for number in seen if number % 7 == key]
            assert of_key == list(range(key, 10_000, 7))

    def test_child_shards_are_read_from_their_beginning(self, small: Small) -> None:
        split(small, small.Split, "shardId-000000000000")
        small.put(small.Split, [{"number": number, "key": str(number)} for number in range(20)])

        eventually(
            "records that were handled", lambda: sorted(small.seen(small.Split)) == list(range(20))
        )

    def test_parent_shards_are_read_before_their_children(
        self, small: Small, tmp_path: Path
    ) -> None:
        put = partial(small.put, small.Resharded)
        posts = [{"number": number, "key": str(number % 20)} for number in range(60)]
        put(posts[:20])
        split(small, small.Resharded, "shardId-000000000000")
        put(posts[20:40])
        merge(small, small.Resharded, "shardId-000000000001", "shardId-000000000002")
        put(posts[40:])
        assert small.seen(small.Resharded) == []

        mapping = EventSourceMapping.describe(small.PoisonMapping, Endpoint(small.stack.endpoint))
        resharded = replace(mapping, stream_arn=arn_of(small, small.Resharded))
        threads = Threads()
        Poller(resharded, Endpoint(small.stack.endpoint), tmp_path, threads).start()

        eventually("records that were handled", lambda: len(small.seen(small.Resharded)) == 60)
        threads.stop(5)
        seen = small.seen(small.Resharded)
        for key in range(20):
            assert [number for number in seen if number % 20 == key] == [key, key + 20, key + 40]

    def test_the_mapping_has_the_templates_settings(self, small: Small) -> None:
        mapping = EventSourceMapping.describe(small.PoisonMapping, Endpoint(small.stack.endpoint))
        assert mapping.settings == MappingSettings(
            batch_size=10,
            bisect=True,
            report_item_failures=True,
            maximum_retries=1,
            starting_position="TRIM_HORIZON",
        )
        assert mapping.failure_bucket == small.Bucket

    def test_a_restart_resumes_from_the_checkpoint(self, directory: Path, app: Path) -> None:
        before = Small(start(directory, app))
        before.put(before.Partial, [{"number": number} for number in range(5)])
        eventually("records that were handled", lambda: len(before.seen(before.Partial)) == 5)
        # The checkpoint follows the invocation, and is written before the next one at the latest.
        checkpoints = directory / "checkpoints"
        eventually(
            "checkpoint",
            lambda: any(
                "AFTER_SEQUENCE_NUMBER" in file.read_text() for file in checkpoints.glob("*.json")
            ),
        )
        assert local.down(directory)
        after = Small(start(directory, app))
        assert after.stack.outputs == before.stack.outputs
        after.put(after.Partial, [{"number": 5}])

        eventually(
            "records that were handled", lambda: after.seen(after.Partial) == [0, 1, 2, 3, 4, 5]
        )
