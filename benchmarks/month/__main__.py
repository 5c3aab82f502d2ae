"""Simulate a month on the local stack in minutes: drift, late labels, bad labels, a rollback.

``python -m benchmarks.month [--output FOLDER] [--json]`` simulates thirty days of real (or else
synthetic) posts with an accelerated clock. The month has gradual drift, an abrupt shift, missing
labels, flipped labels, and a rollback. It writes ``month.json`` and ``month.svg``, and exits with 1
if a check fails. It needs libfaketime.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

import local
from benchmarks.month.calendar import make_month
from benchmarks.month.promises import promises
from benchmarks.month.scenario import FIRST_DAY, DayReport, Month
from benchmarks.month.view import day_words, days_table, draw, promises_table
from cli.data import load_posts
from cli.deployment.client import DeploymentClient
from cli.deployment.target import of_local_stack
from local.clock import accelerated_clock

PROJECT = Path(__file__).parents[2]


def _synthesize(folder: Path) -> None:
    """Write the template before the accelerated clock starts: Node needs the system's."""
    done = subprocess.run(  # noqa: S603 - this package itself
        [sys.executable, "-m", "benchmarks.month.template", str(folder.resolve())],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"The stack does not synthesise:\n{done.stderr.strip()[-2000:]}")


def _play(output: Path, console: Console) -> dict[str, Any]:
    began = time.monotonic()
    offsets, folder = output / "clock", output / "stack"

    def set_clock(timestamp: datetime) -> None:
        accelerated_clock.set_offset(
            offsets, accelerated_clock.offset(offsets) + timestamp - datetime.now(UTC)
        )

    local.down(folder)
    shutil.rmtree(folder, ignore_errors=True)
    data = load_posts()
    base, days = make_month(data.posts)
    console.print(f"A month of {data.name}", highlight=False)
    try:
        with console.status("starting") as shown:
            stack = local.up(
                folder, template_directory=output / "cdk.out", on_progress=shown.update
            )
            deployment = DeploymentClient(of_local_stack(stack))

            def on_day(report: DayReport) -> None:
                shown.update(f"day {report.day} is over")
                if not console.is_terminal:
                    console.print(f"day {report.day}: {day_words(report)}", highlight=False)

            month = Month(deployment, set_clock, on_day)
            month.begin(base)
            for day in days:
                month.live(day)
            month.end()
            threshold = deployment.drift_alarm()["Threshold"]
    finally:
        local.down(folder)
    found = promises(month)
    console.print(days_table(month.reports), promises_table(found))
    draw(month.reports, threshold, output / "month.svg")
    return {
        "data": data.name,
        "seconds": time.monotonic() - began,
        "promises": [promise._asdict() for promise in found],
        **month.summary(),
    }


def main() -> int:
    """Play the month; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/month"))
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    arguments = parser.parse_args()
    output: Path = arguments.output
    if not accelerated_clock.is_accelerated():
        try:
            accelerated = accelerated_clock.environment(output / "clock")
        except local.LocalStackError as error:
            sys.exit(str(error))
        output.mkdir(parents=True, exist_ok=True)
        _synthesize(output / "cdk.out")
        accelerated_clock.set_offset(output / "clock", FIRST_DAY - datetime.now(UTC))
        command = [sys.executable, "-m", "benchmarks.month", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | accelerated)  # noqa: S606 - this module itself
    summary = _play(output, Console(stderr=arguments.json))
    (output / "month.json").write_text(json.dumps(summary, indent=2) + "\n")
    if arguments.json:
        json.dump(summary, sys.stdout, indent=2)
    return 0 if all(promise["kept"] for promise in summary["promises"]) else 1


if __name__ == "__main__":
    sys.exit(main())
