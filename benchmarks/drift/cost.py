"""Measure the drift function's processor time and memory by window size.

Synthetic rows are archived in batches of 500 and settled. For each size, a separate process does
the function's work: read the sample, compare it with a reference of 568 posts, draw the page. The
archive is in the process's memory, so the result excludes S3's time and includes the archive's
memory.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.timing import machine
from cdk_app.settings.monitoring import Monitoring
from stresswatch.contracts.posts import NUMERIC_FEATURES, Post
from stresswatch.contracts.predictions import (
    REFERENCE_COLUMNS,
    TEXT_DESCRIPTORS,
    Prediction,
    Record,
)
from stresswatch.monitoring.drift import measure_drift
from stresswatch.monitoring.drift_history import WindowDrift
from stresswatch.monitoring.drift_page import drift_page
from stresswatch.monitoring.drift_rules import DriftRules
from stresswatch.settled.places import PREDICTIONS, Part, settled_parts
from stresswatch.settled.samples import merge, read_samples
from stresswatch.settled.settle import settle
from stresswatch.settled.summaries import read_summaries
from stresswatch.settled.windows import Window
from stresswatch.storage import archive
from verification.faults.stores import Buckets

ROWS = (1_000, 10_000, 100_000)
REFERENCE_ROWS = 568
BATCH = 500
_MAXIMUM = Monitoring().maximum_window_posts
START = datetime(2026, 11, 23, tzinfo=UTC)


def run() -> dict[str, Any]:
    """Measure each size in a separate process."""
    return {"machine": machine(), "runs": [_in_a_process(rows) for rows in ROWS]}


def measure(rows: int, maximum: int = _MAXIMUM) -> dict[str, Any]:
    """Do the function's work with a number of rows, of which it compares at most a maximum."""
    store: Any = Buckets()
    fill(store, rows)
    window = Window(START, START + timedelta(hours=1))
    settle(store, "archive", PREDICTIONS, Part(window, "shard"), maximum)
    reference = pd.DataFrame(
        np.random.default_rng(0).normal(size=(REFERENCE_ROWS, len(REFERENCE_COLUMNS))),
        columns=list(REFERENCE_COLUMNS),
    )
    started = time.process_time()
    parts = settled_parts(store, "archive", PREDICTIONS, window.start, window.end)
    summaries = read_summaries(store, "archive", PREDICTIONS, parts)
    samples = read_samples(store, "archive", PREDICTIONS, summaries, "v1")
    found = merge(samples, maximum, window)
    read = time.process_time()
    current = pd.DataFrame(found.rows)
    drift = measure_drift(current, reference, DriftRules())
    compared = time.process_time()
    measured = WindowDrift(
        window, "v1", "measured", found.posts, len(found.rows), **drift.as_dict()
    )
    drift_page(measured, current, reference)
    return {
        "rows": found.posts,
        "compared": len(found.rows),
        "read_seconds": read - started,
        "compare_seconds": compared - read,
        "page_seconds": time.process_time() - compared,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def fill(store: Any, rows: int) -> None:
    """Archive rows of an hour, in batches."""
    dice = np.random.default_rng(1)
    for first in range(0, rows, BATCH):
        at = (START + timedelta(seconds=3600 * first / rows)).isoformat()
        values = dice.normal(size=(min(BATCH, rows - first), len(REFERENCE_COLUMNS))).tolist()
        records = [
            Record(b"", "posts", "shard", str(first + place), START.timestamp())
            for place in range(len(values))
        ]
        numbers = len(NUMERIC_FEATURES)
        predictions = [
            Prediction(
                record.prediction_id,
                Post(record.sequence_number, "text", tuple(of[:numbers]), None, "source"),
                of[-1],
                tuple(of[numbers : numbers + len(TEXT_DESCRIPTORS)]),
                "v1",
                at,
            )
            for record, of in zip(records, values, strict=True)
        ]
        archive.write(store, "archive", records, predictions)


def _in_a_process(rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.drift", "--cost-of", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def show(result: dict[str, Any]) -> None:
    """Print the result as a table."""
    table = Table(title=f"The drift function, {result['machine']}", title_justify="left")
    for name in ("rows", "compared", "reading, s", "comparing, s", "page, s", "peak memory, MB"):
        table.add_column(name, justify="right", overflow="fold")
    for run in result["runs"]:
        table.add_row(
            f"{run['rows']:,}",
            f"{run['compared']:,}",
            *(f"{run[f'{part}_seconds']:.1f}" for part in ("read", "compare", "page")),
            f"{run['peak_mb']:.0f}",
        )
    Console().print(table)
