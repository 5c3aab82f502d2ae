"""Measure seconds, processor seconds and memory to settle a part, by its rows.

``python -m benchmarks.settle [--rows N] [--redelivered N] [--json]`` archives synthetic rows in a
local folder, as one shard's objects of an hour with 1,000 rows each. A separate process settles
them, so the time excludes S3. One of ten objects was delivered twice, or one of ``--redelivered``:
with 1, every row was.

Growth exponents are of the processor time, between each size and the next: 1 is linear.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.timing import growth, machine
from cdk_app.settings.monitoring import Monitoring
from stresswatch.contracts.posts import NUMERIC_FEATURES, Post
from stresswatch.contracts.predictions import TEXT_DESCRIPTORS, Prediction, Record
from stresswatch.settled.places import PREDICTIONS, Part
from stresswatch.settled.settle import settle
from stresswatch.settled.windows import Window
from stresswatch.storage import archive

ROWS = (10_000, 100_000, 1_000_000, 3_600_000)
"""Rows; the last is a shard's maximum in an hour."""
BATCH = 1_000
REDELIVERED = 10
"""One of this number of objects is delivered twice."""
_SHARD = "shardId-000000000000"
START = datetime(2026, 11, 23, tzinfo=UTC)


class Folder:
    """S3 as a folder."""

    def __init__(self, root: Path):
        self._root = root

    def put_object(self, *, Key: str, Body: bytes | BinaryIO, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        file = self._root / Key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(Body if isinstance(Body, bytes) else Body.read())
        return {}

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"Body": (self._root / Key).open("rb")}

    def get_paginator(self, _operation: str) -> Folder:
        return self

    def paginate(self, *, Prefix: str, **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        folder, _, name = Prefix.rpartition("/")
        found = sorted((self._root / folder).glob(f"{name}*"))
        yield {"Contents": [{"Key": f"{folder}/{file.name}"} for file in found]}


def fill(store: Any, rows: int, redelivered: int = REDELIVERED) -> None:
    """Archive rows of an hour; one of `redelivered` objects is delivered twice."""
    dice = np.random.default_rng(1)
    for place, first in enumerate(range(0, rows, BATCH)):
        at = START + timedelta(seconds=3590 * first / rows)
        count = min(BATCH, rows - first)
        values = dice.normal(size=(count, len(NUMERIC_FEATURES))).tolist()
        described = dice.random((count, len(TEXT_DESCRIPTORS) + 1)).tolist()
        records = [
            Record(b"", "posts", _SHARD, f"{first + number:056}", at.timestamp())
            for number in range(count)
        ]
        for later in range(2 if place % redelivered == 0 else 1):
            predicted = (at + timedelta(seconds=1 + later)).isoformat()
            predictions = [
                Prediction(
                    record.prediction_id,
                    Post(record.sequence_number[-12:], "text", tuple(numbers), None, "source"),
                    rest[-1],
                    tuple(rest[:-1]),
                    "v20261123T150000-0a1b2c3d",
                    predicted,
                    text_digest=record.prediction_id,
                )
                for record, numbers, rest in zip(records, values, described, strict=True)
            ]
            archive.write(store, "archive", records, predictions)


def settled(folder: Path) -> dict[str, Any]:
    """Settle a folder in this process."""
    store: Any = Folder(folder)
    part = Part(Window(START, START + timedelta(hours=1)), _SHARD)
    began, used = time.perf_counter(), time.process_time()
    summary = settle(store, "archive", PREDICTIONS, part, Monitoring().maximum_window_posts)
    return {
        "rows": summary.posts,
        "objects": summary.objects,
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - used,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "part_mb": (folder / PREDICTIONS.rows_key(part)).stat().st_size / 1e6,
    }


def run(sizes: list[int], redelivered: int) -> dict[str, Any]:
    """Measure each size in a separate process."""
    runs = []
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            fill(Folder(Path(folder)), rows, redelivered)
            command = [sys.executable, "-m", "benchmarks.settle", "--folder", folder]
            done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
            runs.append(json.loads(done.stdout))
    exponents = growth([(one["rows"], one["processor_seconds"]) for one in runs])
    return {"machine": machine(), "runs": runs, "growth": exponents}


def show(result: dict[str, Any]) -> None:
    """Print the result as a table."""
    table = Table(title=f"Settling a part, {result['machine']}", title_justify="left")
    columns = ("rows", "objects", "seconds", "processor, s", "peak, MB", "part, MB", "growth")
    for name in columns:
        table.add_column(name, justify="right", overflow="fold")
    for measured, slope in zip(result["runs"], [None, *result["growth"]], strict=True):
        table.add_row(
            f"{measured['rows']:,}",
            f"{measured['objects']:,}",
            f"{measured['seconds']:.1f}",
            f"{measured['processor_seconds']:.1f}",
            f"{measured['peak_mb']:.0f}",
            f"{measured['part_mb']:.1f}",
            "" if slope is None else f"{slope:.2f}",
        )
    Console().print(table)


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description="Measure the resources to settle a part.")
    parser.add_argument("--rows", type=int, action="append", help="instead of all sizes")
    parser.add_argument(
        "--redelivered",
        type=int,
        default=REDELIVERED,
        help="one of this number of objects is delivered twice (%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--folder", type=Path, help="of one size, in this process")
    arguments = parser.parse_args()
    if arguments.folder:
        json.dump(settled(arguments.folder), sys.stdout)
        return
    result = run(arguments.rows or list(ROWS), arguments.redelivered)
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
    else:
        show(result)


if __name__ == "__main__":
    main()
