"""Throughput of the producers' client and of bare boto3, to a local stack's Kinesis.

The client takes single posts, checks each, and returns a future. The baseline sends the same posts,
already encoded, in a loop of boto3's `put_records`. The two alternate. The benchmark uses one core
and leaves the others to the emulator.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.timing import Spread, Work, machine, rate, speedup, time_in_turns
from cli.data.synthetic import generate_posts
from local.emulator.server import Server
from stresswatch.contracts.posts import post_record
from stresswatch.producer import Producer, post_to_record
from stresswatch.streaming.put_records import StreamRecord, requests

STREAM = "posts"
SHARDS = 2


@contextmanager
def kinesis() -> Iterator[Any]:
    """Start the emulator with a stream, and return a client of it."""
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("wb") as log:
        server = Server.start(Path(folder), log)
        try:
            client = server.endpoint.client("kinesis")
            client.create_stream(StreamName=STREAM, ShardCount=SHARDS)
            client.get_waiter("stream_exists").wait(
                StreamName=STREAM, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
            )
            yield client
        finally:
            server.stop()


def measure(client: Any, count: int, rounds: int) -> dict[str, Any]:
    """Time both by the clock, and then by this process's processor time."""
    posts = [
        post_record(labelled.post)
        for labelled in itertools.islice(itertools.cycle(generate_posts()), count)
    ]
    records = [post_to_record(post) for post in posts]
    works = {
        "producer": Work(lambda: _produce(client, posts), count),
        "bare_boto3": Work(lambda: _put(client, records), count),
    }
    elapsed = time_in_turns(works, rounds, clock=time.perf_counter)
    used = time_in_turns(works, rounds)
    return {
        "machine": machine(),
        "posts": count,
        "bytes_a_post": sum(record.size for record in records) / count,
        "rounds": rounds,
        "posts_per_second": _each(rate, elapsed),
        "processor_microseconds_a_post": _each(_microseconds, used),
        "producer_to_bare_boto3": asdict(speedup(elapsed["producer"], elapsed["bare_boto3"])),
    }


def _produce(client: Any, posts: Sequence[dict[str, Any]]) -> None:
    with Producer(client, STREAM) as producer:
        futures = [producer.put(post) for post in posts]
    for future in futures:
        future.result()


def _put(client: Any, records: Sequence[StreamRecord]) -> None:
    for places in requests(records):
        answer = client.put_records(
            StreamName=STREAM,
            Records=[
                {"PartitionKey": records[place].partition_key, "Data": records[place].data}
                for place in places
            ],
        )
        assert not answer["FailedRecordCount"]  # noqa: S101


def _microseconds(seconds: Sequence[float]) -> Spread:
    return Spread.of([each * 1e6 for each in seconds])


def _each(
    figure: Callable[[Sequence[float]], Spread], seconds: dict[str, list[float]]
) -> dict[str, Any]:
    return {name: asdict(figure(each)) for name, each in seconds.items()}


def show(result: dict[str, Any]) -> None:
    """Print the result as a table."""
    console = Console()
    console.print(
        f"{result['machine']}; {result['posts']:,} posts a round of {result['bytes_a_post']:,.0f} "
        f"bytes; median of {result['rounds']} rounds (lowest to highest)"
    )
    table = Table(title="Posts to the local stack, from one core", title_justify="left")
    for column in ("", "posts a second", "processor time a post, µs"):
        table.add_column(column, justify="right", overflow="fold")
    for name in result["posts_per_second"]:
        table.add_row(
            name.replace("_", " "),
            _text(result["posts_per_second"][name], ",.0f"),
            _text(result["processor_microseconds_a_post"][name], ".1f"),
        )
    console.print(table)
    ratio = _text(result["producer_to_bare_boto3"], ".2f")
    console.print(f"The producer's rate is {ratio} of bare boto3's.")


def _text(spread: dict[str, float], form: str) -> str:
    median, lowest, highest = (spread[name] for name in ("median", "lowest", "highest"))
    return f"{median:{form}} ({lowest:{form}} to {highest:{form}})"
