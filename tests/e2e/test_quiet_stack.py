"""An idle local stack rests, and the next event ends its rest."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import local
from local.activity import Activity
from local.daemon import BUCKET, _drive
from local.emulator.server import Server
from local.endpoint import ACCOUNT, REGION, Endpoint
from local.state_file import LocalStack
from local.template import deploy
from local.template.assembly import read_assembly
from local.threads import Threads
from tests.e2e.local_stack.small_stack import Small, start
from tests.e2e.small_app import write_app
from tests.e2e.waiting import eventually

FOR_GOOD = 3600.0
"""Seconds of a rest longer than any test: only an event ends it."""


class Rest(Activity):
    """An activity that records which threads rest."""

    def __init__(self) -> None:
        super().__init__(attentive_seconds=2.0, quiet_seconds=FOR_GOOD)
        self.resting: set[str] = set()

    def wait_while_quiet(self) -> bool:
        name = threading.current_thread().name
        self.resting.add(name)
        rested = super().wait_while_quiet()
        self.resting.discard(name)
        return rested

    def is_deep(self, threads: Threads) -> bool:
        """Return whether all pollers rest, except lanes, which wait for their reader."""
        alive = {thread.name for thread in threads._threads if thread.is_alive()}
        return self.resting == {name for name in alive if not name.startswith("invoke ")}


@dataclass
class Resting:
    """The small app, driven within this process so that its rest can be observed."""

    small: Small
    look: Endpoint
    threads: Threads
    activity: Rest

    def fall_asleep(self) -> None:
        def is_asleep() -> bool:
            return self.activity.is_deep(self.threads) and not self.activity.is_attentive

        eventually("sleep", is_asleep, 60.0)


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resting]:
    folder = tmp_path_factory.mktemp("resting")
    assembly = read_assembly(write_app(tmp_path_factory.mktemp("app")), ACCOUNT, REGION)
    activity = Rest()
    threads = Threads(activity)
    with (folder / "log").open("wb") as log:
        server = Server.start(folder / "state", log, activity=activity)
        try:
            deployment = deploy.plan_deployment(assembly, BUCKET, server.endpoint.url, None)
            deploy.execute(deployment, BUCKET, server.endpoint)
            _drive(assembly, server.endpoint, folder / "checkpoints", threads)
            outputs = deploy.stack_outputs(assembly.stack_name, server.endpoint)
            stack = LocalStack(server.endpoint.url, REGION, assembly.stack_name, outputs, 0, "")
            look = Endpoint(server.endpoint.url, looks_around=True)
            yield Resting(Small(stack), look, threads, activity)
        finally:
            threads.stop(10)
            server.stop()
    assert threads.failure is None


class TestIdleStack:
    def test_an_idle_stack_processes_a_new_record(self, resting: Resting) -> None:
        resting.fall_asleep()
        resting.small.put(resting.small.Plain, [{"number": 1}])
        objects = resting.look.client("s3")

        def processed() -> Any:
            listed = objects.list_objects_v2(Bucket=resting.small.Bucket, Prefix="seen/")
            return bool(listed.get("Contents"))

        eventually("processed record", processed)

    def test_monitoring_calls_do_not_wake_an_idle_stack(self, resting: Resting) -> None:
        resting.fall_asleep()
        cloudwatch = resting.look.client("cloudwatch")
        for _ in range(20):
            cloudwatch.describe_alarms()
        assert resting.activity.is_deep(resting.threads)

    def test_an_alarm_fires_on_an_idle_stack(self, resting: Resting) -> None:
        resting.fall_asleep()
        resting.small.stack.client("cloudwatch").put_metric_data(
            Namespace="Small",
            MetricData=[
                {
                    "MetricName": "Drift",
                    "Dimensions": [{"Name": "Stage", "Value": "dev"}],
                    "Value": 0.8,
                }
            ],
        )
        look = resting.look.client("cloudwatch")
        states = resting.look.client("stepfunctions")

        def fired() -> bool:
            (alarm,) = look.describe_alarms(AlarmNames=[resting.small.Alarm])["MetricAlarms"]
            return bool(alarm["StateValue"] == "ALARM")

        eventually("alarm", fired)
        # The rule's target, too: the daemon's own changes happen without a request.
        eventually(
            "execution",
            lambda: bool(
                states.list_executions(stateMachineArn=resting.small.OnAlarm)["executions"]
            ),
        )

    def test_child_shards_are_read_after_a_split_on_an_idle_stack(self, resting: Resting) -> None:
        small = resting.small
        resting.fall_asleep()
        small.stack.client("kinesis").split_shard(
            StreamName=small.Split,
            ShardToSplit="shardId-000000000000",
            NewStartingHashKey=str(2**127),
        )
        resting.fall_asleep()
        small.put(small.Split, [{"number": number, "key": str(number)} for number in range(20)])
        objects = resting.look.client("s3")

        def seen() -> bool:
            listed = objects.list_objects_v2(Bucket=small.Bucket, Prefix=f"seen/{small.Split}/")
            keys = [one["Key"] for one in listed.get("Contents", [])]
            read = [objects.get_object(Bucket=small.Bucket, Key=key)["Body"] for key in keys]
            return sorted(number for one in read for number in json.load(one)) == [*range(20)]

        eventually("records of both children", seen)


def test_the_background_process_lets_its_stack_go_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has every request, and only the stack itself adds to it."""
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    directory = tmp_path / "stack"
    try:
        start(directory, write_app(tmp_path / "app"))
        log = directory / "local.log"
        eventually("first request", lambda: "service=kinesis" in log.read_text())
        eventually("rest", lambda: time.time() - log.stat().st_mtime > 2.5, 120.0)
    finally:
        local.down(directory)
