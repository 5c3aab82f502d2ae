"""How much memory and time a large file of posts takes to check, by its format.

`python -m benchmarks.post_files` writes some 500 MB of synthetic posts as CSV, JSON Lines and
Parquet, and has `stresswatch produce FILE --check` read each in a process of its own. The same of
a file with one post is given beside: what the program takes before it reads.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.timing import machine

_WORDS = 75
_ROWS_A_GROUP = 100_000
_COMMAND = """
import re
from pathlib import Path
from cli.main import app

app(standalone_mode=False)
# Of this program alone: the peak that the parent's resources tell begins with the parent's own.
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=900_000)
    rows = parser.parse_args().rows
    found: dict[str, Any] = {"machine": machine(), "rows": rows}
    with tempfile.TemporaryDirectory() as folder:
        for name, write in (("csv", write_csv), ("jsonl", write_jsonl), ("parquet", write_parquet)):
            one, all_ = Path(folder) / f"one.{name}", Path(folder) / f"all.{name}"
            write(one, 1)
            write(all_, rows)
            found[name] = {
                "megabytes": round(all_.stat().st_size / 1e6),
                "one post": check(one, 1),
                "all posts": check(all_, rows),
            }
            all_.unlink()
    json.dump(found, sys.stdout, indent=2)


def posts(rows: int) -> Iterator[dict[str, Any]]:
    """Generate posts of some 500 characters."""
    chance = random.Random(1)  # noqa: S311 - no secret
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(3000)]
    for number in range(rows):
        yield {
            "post_id": f"p{number}",
            "text": " ".join(chance.choices(words, k=_WORDS)),
            "sentiment": round(chance.random(), 4),
            "source": "stress",
            "created_at": 1_764_400_000 + number,
        }


def write_csv(file: Path, rows: int) -> None:
    with file.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(next(posts(1))))
        writer.writeheader()
        writer.writerows(posts(rows))


def write_jsonl(file: Path, rows: int) -> None:
    with file.open("w") as lines:
        lines.writelines(json.dumps(post) + "\n" for post in posts(rows))


def write_parquet(file: Path, rows: int) -> None:
    schema = pa.Table.from_pylist(list(posts(1))).schema
    with pq.ParquetWriter(file, schema, compression="none", use_dictionary=False) as writer:
        group = []
        for post in posts(rows):
            group.append(post)
            if len(group) == _ROWS_A_GROUP:
                writer.write_table(pa.Table.from_pylist(group, schema), _ROWS_A_GROUP)
                group = []
        if group:
            writer.write_table(pa.Table.from_pylist(group, schema), _ROWS_A_GROUP)


def check(file: Path, rows: int) -> dict[str, float]:
    """Check a file in a process of its own; return its peak of memory and its time."""
    begun = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", _COMMAND, "produce", str(file), "--check", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    said, kilobytes = done.stdout.splitlines()
    if json.loads(said)["posts"] != rows:
        raise SystemExit(f"{file.name}: {said}")
    return {
        "peak megabytes": round(int(kilobytes) / 1024),
        "seconds": round(time.monotonic() - begun, 1),
    }


if __name__ == "__main__":
    main()
