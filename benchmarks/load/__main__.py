"""Raise the load on the local stack step by step until predictions are late, then stop it.

``python -m benchmarks.load [--picture FILE] [--json]`` raises the rate of posts step by step. Each
sent post must be in the archive once, under its id, and on the predictions stream. It also reports
each part's processor time per post, from the first step to the backlog's end.

``--file N`` scores a file of N posts instead, as `stresswatch score` does: each post must be in
the results once, under its id. ``--producer`` puts posts on a stream without a predictor behind
it, with the producers' client and with bare boto3.

Exits with 1 where posts are lost, doubled or foreign. Each starts its own stack on this machine's
loopback address. Benchmark, stack and functions share the machine, so the limit is that of all
together.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import local
from benchmarks.load import large_file, producer, report, steps
from benchmarks.load.stack import with_champion
from benchmarks.timing import use_one_core
from cli.errors import OperatorError

Show = Callable[[dict[str, Any]], None]


def main() -> int:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description="Load on the local stack.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--picture", type=Path, help="draw the run to a file: .svg or .png")
    parser.add_argument("--step-seconds", type=float, default=steps.STEP_SECONDS)
    parser.add_argument("--rates", type=int, nargs="+", default=steps.RATES, metavar="RATE")
    parser.add_argument("--file", type=int, metavar="N", help="score a file of N posts instead")
    parser.add_argument("--producer", action="store_true", help="measure the producers' client")
    parser.add_argument("--posts", type=int, default=5_000, help="posts a round of --producer")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of --producer")
    arguments = parser.parse_args()
    try:
        result, show, is_faithful = _run(arguments)
    except (OperatorError, local.LocalStackError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
    else:
        show(result)
    return 0 if is_faithful else 1


def _run(arguments: argparse.Namespace) -> tuple[dict[str, Any], Show, bool]:
    if arguments.producer:
        with producer.kinesis() as client:
            use_one_core()
            result = producer.measure(client, arguments.posts, arguments.rounds)
        return result, producer.show, True
    if arguments.file:
        with tempfile.TemporaryDirectory() as folder, with_champion() as running:
            file = large_file.write_posts(Path(folder) / "posts.jsonl", arguments.file)
            result = large_file.measure(running.target, file, arguments.file)
        return result, large_file.show, large_file.is_faithful(result)
    with with_champion() as running:
        result = steps.measure(running, arguments.rates, arguments.step_seconds)
    if arguments.picture:
        report.draw(result, arguments.picture)
    return result, report.show, report.is_faithful(result)


if __name__ == "__main__":
    sys.exit(main())
