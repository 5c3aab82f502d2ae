"""Score a large file of posts on the local stack: time, memory, posts per second.

The function's processor time and peak memory are Linux's values for its processes. Do not run
another local stack at the same time.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.timing import machine
from cli.data.synthetic import generate_posts
from cli.deployment.target import Target
from cli.score.scoring_job import score
from stresswatch.aws.s3 import Location, listed, read
from stresswatch.contracts.posts import post_record
from stresswatch.task.definition import TASK

_PYTHON = sys.executable.encode()


def write_posts(file: Path, rows: int) -> Path:
    """Write synthetic posts, each with a unique id."""
    posts = itertools.cycle([post_record(labelled.post) for labelled in generate_posts()])
    with file.open("w", encoding="utf-8") as lines:
        for number, post in zip(range(rows), posts, strict=False):
            lines.write(json.dumps(post | {TASK.fields.id: str(number)}) + "\n")
    return file


def measure(target: Target, file: Path, rows: int) -> dict[str, Any]:
    """Score the file, and return all measurements."""
    began = time.monotonic()
    summary = score(Console(file=io.StringIO()), target, str(file), None)
    seconds = time.monotonic() - began
    workers = _workers()
    processor = sum(worker["processor_seconds"] for worker in workers)
    return {
        "machine": machine(),
        "rows": rows,
        "megabytes": file.stat().st_size / 1e6,
        "parts": summary["parts"],
        "scored": summary["posts"],
        "invalid": sum(summary["invalid"].values()),
        "distinct_ids": len(_ids(target, summary)),
        "seconds": seconds,
        "posts_a_second": rows / seconds,
        "functions": len(workers),
        "function_processor_seconds": processor,
        "posts_a_processor_second": rows / processor,
        "function_peak_megabytes": max(worker["peak_megabytes"] for worker in workers),
    }


def _workers() -> list[dict[str, float]]:
    """Read Linux's values for the processes of the scoring function."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if not command.startswith(_PYTHON) or b"ScoringScoringFunction" not in command:
                continue
            times = (process / "stat").read_text().rpartition(")")[2].split()
            status = (process / "status").read_text()
        except FileNotFoundError:
            continue
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        ticks = int(times[11]) + int(times[12])
        found.append(
            {
                "processor_seconds": ticks / os.sysconf("SC_CLK_TCK"),
                "peak_megabytes": int(peak.split()[1]) * 1024 / 1e6,
            }
        )
    return found


def _ids(target: Target, summary: dict[str, Any]) -> set[str]:
    bucket, _, key = summary["input"].removeprefix("s3://").partition("/")
    s3, prefix = target.client("s3"), f"{key}.scored/{summary['model_version']}/part-"
    ids = set()
    for found in listed(s3, bucket, prefix):
        body = read(s3, Location(bucket, found["Key"]))
        ids |= {json.loads(line)["post_id"] for line in gzip.decompress(body).splitlines()}
    return ids


def is_faithful(result: dict[str, Any]) -> bool:
    """Return whether exactly the file's posts were scored, once each."""
    return bool(result["rows"] == result["scored"] == result["distinct_ids"])


def show(result: dict[str, Any]) -> None:
    """Print the result as a table."""
    console = Console()
    table = Table(title="A large file on the local stack", title_justify="left")
    table.add_column("metric", overflow="fold")
    table.add_column("value", justify="right", overflow="fold")
    for name, value in result.items():
        if name != "machine":
            table.add_row(name.replace("_", " "), f"{value:,.0f}")
    console.print(result["machine"])
    console.print(table)
