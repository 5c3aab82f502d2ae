"""How long the monitors take for an object of the archive, by how many they read at a time.

`python -m benchmarks.reading` reads an archive of small objects, of two posts each, from a server
in a process of its own that answers each request after 25 ms: what `stresswatch cost` reckons for a
call. More readers help until the processor is what is waited for, so its time an object is given
beside.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import multiprocessing
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from botocore.config import Config
from rich.console import Console
from rich.table import Table

from benchmarks.timing import Spread, machine
from cli.cost.estimate import CALL_SECONDS
from stresswatch.storage import archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from mypy_boto3_s3 import S3Client

READERS = (1, 8, 16, 32, 64)
OBJECTS = 500
ROUNDS = 5
HOUR = datetime(2026, 11, 23, 12, tzinfo=UTC)


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description="How fast the archive is read.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    arguments = parser.parse_args()
    with slow_archive() as address:
        runs = [measure(address, readers) for readers in READERS]
    if arguments.json:
        json.dump({"machine": machine(), "call_seconds": CALL_SECONDS, "runs": runs}, sys.stdout)
    else:
        show(runs)


def measure(address: str, readers: int) -> dict[str, Any]:
    """Read the archive some times with a number of readers."""
    s3 = boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106 - the server asks nobody
        config=Config(max_pool_connections=max(READERS)),
    )
    with patch.object(archive, "READERS", readers):
        took = [_read(s3) for _ in range(ROUNDS)]
    waited, worked = zip(*took, strict=True)
    return {
        "readers": readers,
        "milliseconds_an_object": vars(Spread.of(waited)),
        "processor_milliseconds_an_object": vars(Spread.of(worked)),
    }


def _read(s3: S3Client) -> tuple[float, float]:
    began, worked = time.perf_counter(), time.process_time()
    rows = archive.read(s3, "archive", HOUR, HOUR + timedelta(hours=1))
    seconds = time.perf_counter() - began, time.process_time() - worked
    if len(rows) != 2 * OBJECTS:
        raise RuntimeError(f"{len(rows)} rows were read")
    return seconds[0] / OBJECTS * 1e3, seconds[1] / OBJECTS * 1e3


@contextmanager
def slow_archive() -> Iterator[str]:
    """Serve an archive slowly, from a process of its own; return its address."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _serve(connection: Connection) -> None:
    hour = f"{archive.PREFIX}{HOUR:date=%Y-%m-%d/hour=%H}/"
    keys = [f"{hour}shard-{first}-{first + 1}-0.jsonl.gz" for first in range(0, 2 * OBJECTS, 2)]
    bodies = {key: gzip.compress(_lines(number)) for number, key in enumerate(keys)}
    contents = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
    listing = f"<ListBucketResult>{contents}</ListBucketResult>".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readline():
            while (await reader.readline()).strip():
                pass
            path = request.split()[1].decode().partition("/archive/")[2].replace("%3D", "=")
            body = bodies.get(path, listing)
            await asyncio.sleep(CALL_SECONDS)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        connection.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def _lines(number: int) -> bytes:
    row = {"predicted_at": HOUR.isoformat(), "model_version": "v1", "probability": 0.5}
    ids = (f"{number}-{place}" for place in range(2))
    return "\n".join(
        json.dumps(row | {"prediction_id": id_, "post_id": id_}) for id_ in ids
    ).encode()


def show(runs: list[dict[str, Any]]) -> None:
    """Print the runs as a table."""
    table = Table(title="Reading the archive, 25 ms a call", title_justify="left")
    for name in ("readers", "ms an object", "lowest", "highest", "of that on the processor"):
        table.add_column(name, justify="right")
    for run in runs:
        waited, worked = run["milliseconds_an_object"], run["processor_milliseconds_an_object"]
        figures = (waited["median"], waited["lowest"], waited["highest"], worked["median"])
        table.add_row(str(run["readers"]), *(f"{figure:.2f}" for figure in figures))
    console = Console()
    console.print(machine())
    console.print(table)


if __name__ == "__main__":
    main()
