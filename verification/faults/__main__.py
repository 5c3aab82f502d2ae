"""Run the predictor under injected faults.

``python -m verification.faults [--seed N] [--seeds N] [--records N] [--json]`` runs the given
number of seeds with the given number of records each. It prints injected faults, and lost and
duplicated records. If an invariant breaks, it names the invariant and the seed, and exits with 1.
``--retries N`` and ``--record-age SECONDS`` change the mapping's settings from the template's, to
show which records are discarded then.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections import Counter
from dataclasses import asdict, replace
from typing import Any

from rich.console import Console
from rich.table import Table

from verification.faults.runner import PlayedSchedule, run
from verification.faults.schedule import FAULTS, Schedule

_SUMMED = (
    "records", "valid", "invalid", "deliveries", "given_up", "lost", "archived_again",
    "streamed_again", "shadowed",
)  # fmt: skip


def main() -> None:
    """Run the seeds, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds")
    parser.add_argument("--records", type=int, default=1_000, help="records per seed")
    parser.add_argument("--retries", type=int, help="the mapping's limit of retries")
    parser.add_argument("--record-age", type=float, help="the mapping's limit of age, in seconds")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    arguments = parser.parse_args()
    logging.disable()
    limits = {"retries": arguments.retries, "record_age": arguments.record_age}
    other = {name: limit for name, limit in limits.items() if limit is not None}
    runs = [
        run(replace(Schedule.draw(seed, arguments.records), **other))
        for seed in range(arguments.seed, arguments.seed + arguments.seeds)
    ]
    report = _report(runs, arguments.records) | {"other_than_the_template": other}
    if arguments.json:
        json.dump(report, sys.stdout, indent=2)
    else:
        _show(report)
    sys.exit(1 if report["violations"] else 0)


def _report(runs: list[PlayedSchedule], records: int) -> dict[str, Any]:
    injected: Counter[str] = Counter()
    for each in runs:
        injected.update(each.injected)
    return {
        "seeds": [runs[0].seed, runs[-1].seed],
        "records_a_seed": records,
        "totals": {name: sum(asdict(one.outcome)[name] for one in runs) for name in _SUMMED},
        "injected": {fault: injected[fault] for fault in FAULTS},
        "violations": [
            {"seed": each.seed, "broken": violation}
            for each in runs
            for violation in each.outcome.violations
        ],
    }


def _show(report: dict[str, Any]) -> None:
    console = Console()
    first, last = report["seeds"]
    table = Table(title=f"Injected, seeds {first} to {last}", title_justify="left")
    table.add_column("fault", overflow="fold")
    table.add_column("times", justify="right", overflow="fold")
    for fault, count in report["injected"].items():
        table.add_row(fault, f"{count:,}")
    console.print(table)
    table = Table(title="Results for the records", title_justify="left")
    table.add_column("", overflow="fold")
    table.add_column("count", justify="right", overflow="fold")
    for name, count in report["totals"].items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    console.print(table)
    limits = report["other_than_the_template"].items()
    options = "".join(f" --{name.replace('_', '-')} {limit}" for name, limit in limits)
    for violation in report["violations"]:
        console.print(
            f"[bold red]broken[/]: {violation['broken']}; repeat it with "
            f"--seed {violation['seed']} --records {report['records_a_seed']}{options}"
        )


if __name__ == "__main__":
    main()
