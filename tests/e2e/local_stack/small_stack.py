"""The small app on a local stack, and shortcuts to use it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import local
from tests.e2e.waiting import eventually


def start(directory: Path, app: Path, **options: Any) -> local.LocalStack:
    return local.up(directory, template_directory=app, on_progress=lambda _: None, **options)


def processes_of(directory: Path) -> list[str]:
    """Return the commands of live processes that use the directory."""
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
        """Return the numbers that the consumer has processed, in the order of its invocations."""
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

        described = eventually("end of the execution", finished)
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
    """Read a shard once from its beginning, and return its records."""
    kinesis = small.stack.client("kinesis")
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return [one["Data"] for one in kinesis.get_records(ShardIterator=iterator)["Records"]]
