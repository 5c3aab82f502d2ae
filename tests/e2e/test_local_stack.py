"""What `local/` adds to the emulator, each as AWS documents it, on a small app of its own.

When a release of the emulator brings one of these itself, the test still passes with the driver
removed, and the driver can go.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

import local
from local.daemon import OWNER_VARIABLE
from local.endpoint import Endpoint
from local.event_source_mapping.batching import Settings
from local.event_source_mapping.mapping import EventSourceMapping
from local.event_source_mapping.poller import Poller
from local.threads import Threads
from tests.e2e.small_app import NAME, write_app

T = TypeVar("T")
PROJECT = Path(__file__).parents[2]


def eventually(check: Callable[[], T], seconds: float = 30.0) -> T:
    """Wait until the check gives something, or passes without an assertion failing."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if (found := check()) is not False:
                return found
            failure: AssertionError | None = None
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure or AssertionError(f"not within {seconds} s")
        time.sleep(0.05)


def start(directory: Path, app: Path, **options: Any) -> local.LocalStack:
    return local.up(directory, template_directory=app, on_progress=lambda _: None, **options)


def processes_of(directory: Path) -> list[str]:
    """Give the commands of live processes that have to do with the directory."""
    listed = subprocess.run(
        ["ps", "-axwwo", "stat=,command="], capture_output=True, text=True, check=True
    )
    return [
        line
        for line in listed.stdout.splitlines()
        if str(directory) in line and not line.startswith("Z")
    ]


def nothing_runs_in(directory: Path) -> bool:
    return not processes_of(directory)


@dataclass(frozen=True)
class Small:
    """The deployed small app."""

    stack: local.LocalStack

    def __getattr__(self, name: str) -> str:
        return self.stack.outputs[name]

    def put(self, stream: str, records: list[dict[str, Any]], key: str = "key") -> None:
        kinesis = self.stack.client("kinesis")
        for first in range(0, len(records), 500):
            kinesis.put_records(
                StreamName=stream,
                Records=[
                    {"PartitionKey": record.get("key", key), "Data": json.dumps(record).encode()}
                    for record in records[first : first + 500]
                ],
            )

    def seen(self, stream: str) -> list[int]:
        """Give the numbers that the consumer has processed, in the order of its invocations."""
        objects = sorted(self.objects(f"seen/{stream}/"), key=lambda one: one["LastModified"])
        return [number for one in objects for number in self.read(one["Key"])]

    def objects(self, prefix: str) -> list[dict[str, Any]]:
        pages = self.stack.client("s3").get_paginator("list_objects_v2")
        return [
            one
            for page in pages.paginate(Bucket=self.Bucket, Prefix=prefix)
            for one in page.get("Contents", [])
        ]

    def read(self, key: str) -> Any:
        return json.load(self.stack.client("s3").get_object(Bucket=self.Bucket, Key=key)["Body"])

    def invoke(self, function: str) -> tuple[Any, str | None]:
        answer = self.stack.client("lambda").invoke(FunctionName=function, Payload=b"{}")
        return json.load(answer["Payload"]), answer.get("FunctionError")

    def execute(self, machine: str, payload: dict[str, Any]) -> dict[str, Any]:
        states = self.stack.client("stepfunctions")
        arn = states.start_execution(stateMachineArn=machine, input=json.dumps(payload))
        execution = {"executionArn": arn["executionArn"]}

        def finished() -> Any:
            described = states.describe_execution(**execution)
            return described["status"] != "RUNNING" and described

        described = eventually(finished)
        assert described["status"] == "SUCCEEDED"
        output: dict[str, Any] = json.loads(described["output"])
        return output


def arn_of(small: Small, stream: str) -> str:
    summary = small.stack.client("kinesis").describe_stream_summary(StreamName=stream)
    return str(summary["StreamDescriptionSummary"]["StreamARN"])


def split(small: Small, stream: str, shard: str) -> None:
    small.stack.client("kinesis").split_shard(
        StreamName=stream, ShardToSplit=shard, NewStartingHashKey=str(2**127)
    )


def merge(small: Small, stream: str, shard: str, other: str) -> None:
    small.stack.client("kinesis").merge_shards(
        StreamName=stream, ShardToMerge=shard, AdjacentShardToMerge=other
    )


def read_once(small: Small, stream: str, shard: str) -> list[bytes]:
    """Give what one reading of a shard from its beginning gives."""
    kinesis = small.stack.client("kinesis")
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return [one["Data"] for one in kinesis.get_records(ShardIterator=iterator)["Records"]]


class TestClosedShards:
    """A shard that was split or merged is closed, as on AWS; the emulator alone deletes it."""

    def records(self, small: Small, shard: str) -> list[bytes]:
        """Read a closed shard to its end, which is where no iterator comes back."""
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

    def test_it_is_read_to_its_end_takes_nothing_more_and_cannot_be_split_again(
        self, small: Small
    ) -> None:
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

    def test_a_count_of_shards_is_refused_as_the_emulator_would_delete_every_record(
        self, small: Small
    ) -> None:
        kinesis = small.stack.client("kinesis")
        with pytest.raises(kinesis.exceptions.InvalidArgumentException, match="use SplitShard"):
            kinesis.update_shard_count(
                StreamName=small.Closed, TargetShardCount=2, ScalingType="UNIFORM_SCALING"
            )


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_app(tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, app: Path) -> Iterator[Small]:
    directory = tmp_path_factory.mktemp("stack")
    yield Small(start(directory, app))
    local.down(directory)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A folder for a local stack of the test's own."""
    folder = tmp_path / "own"
    yield folder
    local.down(folder)


class TestEventSourceMapping:
    def test_a_partial_batch_response_loses_nothing_and_keeps_the_order(self, small: Small) -> None:
        records = [{"number": number, "fails_once": number in (3, 7)} for number in range(10)]
        small.put(small.Partial, records)

        def all_seen() -> None:
            assert small.seen(small.Partial) == list(range(10))

        eventually(all_seen)

    def test_a_poison_record_is_isolated_and_delivered_to_s3(self, small: Small) -> None:
        small.put(small.Poison, [{"number": number, "poison": number == 6} for number in range(10)])

        def others_seen() -> None:
            assert sorted(small.seen(small.Poison)) == [0, 1, 2, 3, 4, 5, 7, 8, 9]

        eventually(others_seen)
        (delivered,) = eventually(lambda: small.objects("aws/lambda/") or False)
        record = small.read(delivered["Key"])
        assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert record["responseContext"]["functionError"] == "Unhandled"
        assert record["KinesisBatchInfo"]["batchSize"] == 1
        (event,) = json.loads(record["payload"])["Records"]
        assert (
            event["kinesis"]["sequenceNumber"]
            == (record["KinesisBatchInfo"]["startSequenceNumber"])
        )

    def test_many_records_go_through_quickly_in_order_of_their_keys(self, small: Small) -> None:
        records = [{"number": number, "key": f"key-{number % 7}"} for number in range(10_000)]
        small.put(small.Plain, records)

        def all_seen() -> None:
            assert len(small.seen(small.Plain)) == 10_000

        eventually(all_seen, 20.0)
        seen = small.seen(small.Plain)
        for key in range(7):
            of_key = [number for number in seen if number % 7 == key]
            assert of_key == list(range(key, 10_000, 7))

    def test_children_of_a_split_shard_are_read_from_their_beginning(self, small: Small) -> None:
        split(small, small.Split, "shardId-000000000000")
        small.put(small.Split, [{"number": number, "key": str(number)} for number in range(20)])

        def all_seen() -> None:
            assert sorted(small.seen(small.Split)) == list(range(20))

        eventually(all_seen)

    def test_what_nobody_had_read_of_split_and_merged_shards_is_read_before_their_children(
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

        def all_seen() -> None:
            assert len(small.seen(small.Resharded)) == 60

        eventually(all_seen)
        threads.stop(5)
        seen = small.seen(small.Resharded)
        for key in range(20):
            assert [number for number in seen if number % 20 == key] == [key, key + 20, key + 40]

    def test_the_settings_are_those_of_the_template(self, small: Small) -> None:
        mapping = EventSourceMapping.describe(small.PoisonMapping, Endpoint(small.stack.endpoint))
        assert mapping.settings == Settings(
            batch_size=10,
            bisect=True,
            report_item_failures=True,
            maximum_retries=1,
            starting_position="TRIM_HORIZON",
        )
        assert mapping.failure_bucket == small.Bucket

    def test_a_restart_goes_on_from_the_checkpoint(self, directory: Path, app: Path) -> None:
        before = Small(start(directory, app))
        before.put(before.Partial, [{"number": number} for number in range(5)])
        eventually(lambda: len(before.seen(before.Partial)) == 5)
        # The checkpoint follows the invocation, and is written before the next one at the latest.
        checkpoints = directory / "checkpoints"
        eventually(
            lambda: any(
                "AFTER_SEQUENCE_NUMBER" in file.read_text() for file in checkpoints.glob("*.json")
            )
        )
        assert local.down(directory)
        after = Small(start(directory, app))
        assert after.stack.outputs == before.stack.outputs
        after.put(after.Partial, [{"number": 5}])

        def only_the_new_one_is_added() -> None:
            assert after.seen(after.Partial) == [0, 1, 2, 3, 4, 5]

        eventually(only_the_new_one_is_added)


class TestAlarms:
    def test_an_alarm_notifies_and_starts_the_rules_target_with_its_input(
        self, small: Small
    ) -> None:
        cloudwatch = small.stack.client("cloudwatch")
        states = small.stack.client("stepfunctions")

        def put_drift(stage: str, value: float) -> None:
            cloudwatch.put_metric_data(
                Namespace="Small",
                MetricData=[
                    {
                        "MetricName": "Drift",
                        "Dimensions": [{"Name": "Stage", "Value": stage}],
                        "Value": value,
                    }
                ],
            )

        def state_is(expected: str) -> bool:
            (alarm,) = cloudwatch.describe_alarms(AlarmNames=[small.Alarm])["MetricAlarms"]
            return bool(alarm["StateValue"] == expected)

        def executions() -> list[dict[str, Any]]:
            listed = states.list_executions(stateMachineArn=small.OnAlarm)["executions"]
            return [states.describe_execution(executionArn=one["executionArn"]) for one in listed]

        eventually(lambda: state_is("OK"))
        put_drift("another stage", 1.0)
        put_drift("dev", 0.4)
        eventually(lambda: state_is("OK"))
        assert executions() == []

        put_drift("dev", 0.8)
        eventually(lambda: state_is("ALARM"))
        (execution,) = eventually(lambda: executions() or False)
        given = json.loads(execution["input"])
        assert given["trigger"] == "drift_alarm"
        assert given["reason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [0.8")

        queues = small.stack.client("sqs")
        (message,) = eventually(
            lambda: queues.receive_message(QueueUrl=small.Notified).get("Messages", False)
        )
        notification = json.loads(json.loads(message["Body"])["Message"])
        assert notification["NewStateValue"] == "ALARM"

    def test_metrics_in_a_functions_log_are_published(self, small: Small) -> None:
        small.invoke(small.Counter)

        def is_published() -> bool:
            listed = small.stack.client("cloudwatch").list_metrics(
                Namespace="Small", MetricName="Counted"
            )
            return bool(listed["Metrics"])

        eventually(is_published)


class TestRewrites:
    def test_a_training_task_runs_the_containers_entry_point(self, small: Small) -> None:
        s3 = small.stack.client("s3")
        s3.put_object(Bucket=small.Bucket, Key="datasets/v1/posts.jsonl", Body=b"posts")
        output = small.execute(small.Training, self._request(small, "v1"))
        artifact = f"s3://{small.Bucket}/training-output/v1/output/model.tar.gz"
        assert output["training"]["TrainingJobStatus"] == "Completed"
        assert output["training"]["ModelArtifacts"] == {"S3ModelArtifacts": artifact}
        key = artifact.removeprefix(f"s3://{small.Bucket}/")
        body = s3.get_object(Bucket=small.Bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            model = archive.extractfile("model.json")
            assert model
            assert json.load(model) == ["posts", {"k": "5"}]

    def test_a_training_task_that_fails_is_caught_with_its_reason(self, small: Small) -> None:
        s3 = small.stack.client("s3")
        s3.put_object(Bucket=small.Bucket, Key="datasets/v2/posts.jsonl", Body=b"nothing")
        output = small.execute(small.Training, self._request(small, "v2"))
        assert "There is nothing to train on." in output["error"]["Cause"]

    @staticmethod
    def _request(small: Small, version: str) -> dict[str, str]:
        return {
            "version": version,
            "dataset_uri": f"s3://{small.Bucket}/datasets/{version}/",
            "output_uri": f"s3://{small.Bucket}/training-output/",
        }

    def test_an_image_function_runs(self, small: Small) -> None:
        assert small.invoke(small.ImageFunction) == ({"from": "image"}, None)


def test_a_function_may_do_only_what_its_role_allows(small: Small) -> None:
    small.stack.client("s3").put_object(Bucket=small.Bucket, Key="secret", Body=b"")
    answer, error = small.invoke(small.Trespasser)
    assert error == "Unhandled"
    assert "not authorized to perform: s3:GetObject" in answer["errorMessage"]


class TestLifecycle:
    def test_it_is_found_while_it_runs_and_leaves_no_process(
        self, directory: Path, app: Path
    ) -> None:
        assert local.running(directory) is None
        told: list[str] = []
        stack = local.up(directory, template_directory=app, on_progress=told.append)
        assert local.running(directory) == stack
        assert start(directory, app) == stack
        assert stack.stack_name == NAME
        assert told
        Small(stack).invoke(stack.outputs["Counter"])
        assert any("_worker.py" in process for process in processes_of(directory))

        assert local.down(directory)
        assert processes_of(directory) == []
        assert local.running(directory) is None
        assert not local.down(directory)

    def test_nothing_survives_when_the_background_process_is_killed(
        self, directory: Path, app: Path
    ) -> None:
        stack = start(directory, app)
        Small(stack).invoke(stack.outputs["Counter"])
        os.kill(stack.pid, signal.SIGKILL)
        eventually(lambda: nothing_runs_in(directory) and local.running(directory) is None)
        assert start(directory, app).stack_name == NAME

    def test_what_was_answered_for_survives_that_everything_is_killed(
        self, directory: Path, app: Path
    ) -> None:
        before = Small(start(directory, app))
        parameters = before.stack.client("ssm")
        parameters.put_parameter(Name="/kept", Value="1", Type="String")
        before.put(before.Closed, [{"number": number} for number in range(3)])
        split(before, before.Closed, "shardId-000000000000")
        before.put(before.Closed, [{"number": 3}])
        parameters.put_parameter(Name="/kept", Value="2", Type="String", Overwrite=True)
        os.kill(before.stack.pid, signal.SIGKILL)
        eventually(lambda: nothing_runs_in(directory))

        after = Small(start(directory, app))
        assert after.stack.outputs == before.stack.outputs
        kept = after.stack.client("ssm").get_parameter(Name="/kept")["Parameter"]["Value"]
        assert kept == "2"
        parent, *children = [
            [json.loads(data)["number"] for data in read_once(after, after.Closed, shard)]
            for shard in (f"shardId-{number:012}" for number in range(3))
        ]
        assert (parent, sorted(children)) == ([0, 1, 2], [[], [3]])

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_nothing_is_left_when_starting_is_interrupted(
        self, directory: Path, app: Path, number: signal.Signals
    ) -> None:
        program = (
            "import sys; from pathlib import Path; import local;"
            "local.up(Path(sys.argv[1]), template_directory=Path(sys.argv[2]),"
            " on_progress=lambda text: print(text, flush=True))"
        )
        command = [sys.executable, "-c", program, str(directory), str(app)]
        with subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as starter:
            assert starter.stdout
            for line in starter.stdout:
                if "deploying" in line:
                    break
            starter.send_signal(number)
        eventually(lambda: nothing_runs_in(directory))
        assert local.running(directory) is None

    def test_a_stack_does_not_outlive_the_process_it_belongs_to(
        self, directory: Path, app: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with subprocess.Popen(["sleep", "600"]) as owner:
            monkeypatch.setenv(OWNER_VARIABLE, str(owner.pid))
            start(directory, app)
            owner.kill()
        eventually(lambda: nothing_runs_in(directory))
        assert local.running(directory) is None

    def test_a_port_that_is_taken_is_named(self, directory: Path, app: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(local.LocalStackError, match=f"port {port} .* is taken"):
                start(directory, app, port=port)
        assert processes_of(directory) == []

    def test_a_resource_that_is_refused_is_named_with_the_reason(
        self, directory: Path, tmp_path: Path
    ) -> None:
        broken = {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"MetricName": "Drift", "Namespace": "Small", "EvaluationPeriods": 1},
        }
        app = write_app(tmp_path / "app", Broken=broken)
        with pytest.raises(local.LocalStackError, match=r"Broken .*ComparisonOperator"):
            start(directory, app)
        assert processes_of(directory) == []
        mended = write_app(tmp_path / "app")
        assert start(directory, mended).stack_name == NAME

    def test_a_changed_template_updates_the_stack(self, directory: Path, tmp_path: Path) -> None:
        app = write_app(tmp_path / "app")
        first = start(directory, app)
        local.down(directory)
        parameter = {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": "/added", "Type": "String", "Value": "yes"},
        }
        second = start(directory, write_app(tmp_path / "app", Added=parameter))
        assert second.outputs == first.outputs
        added = second.client("ssm").get_parameter(Name="/added")
        assert added["Parameter"]["Value"] == "yes"

    def test_a_missing_app_is_refused_with_what_to_do(self, directory: Path) -> None:
        with pytest.raises(local.LocalStackError, match="make synth"):
            start(directory, directory / "nothing")
