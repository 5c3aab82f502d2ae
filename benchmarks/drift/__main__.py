"""Measure the drift monitor's false alarms, missed shifts and cost.

``python -m benchmarks.drift [--windows N] [--json]`` draws windows without drift, with shifts and
of unseen communities from the available posts. It counts the alarms of a stage's defaults and of
Evidently's.

``--successive`` draws weeks of successive windows, each week with its own reference. It counts
false alarms per month, and the windows until an alarm after a shift.

``--cost`` measures the drift function's processor time and memory by window size instead.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from benchmarks.drift import alarms, cost, episodes


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description="Measure the drift monitor's errors.")
    parser.add_argument("--windows", type=int, default=alarms.WINDOWS)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--successive", action="store_true", help="use successive windows")
    parser.add_argument("--runs", type=int, default=episodes.RUNS, help="number of weeks")
    parser.add_argument("--cost", action="store_true", help="measure time and memory instead")
    parser.add_argument("--cost-of", type=int, metavar="ROWS", help="one window, in this process")
    arguments = parser.parse_args()
    if arguments.windows < 10:
        parser.error("--windows must be at least 10")
    if arguments.runs < 10:
        parser.error("--runs must be at least 10")
    if arguments.cost_of:
        json.dump(cost.measure(arguments.cost_of), sys.stdout)
        return
    result: dict[str, Any]
    if arguments.cost:
        result, show = cost.run(), cost.show
    elif arguments.successive:
        result, show = episodes.run(arguments.runs), episodes.show
    else:
        result, show = alarms.run(arguments.windows), alarms.show
    if arguments.json:
        json.dump(result, sys.stdout, indent=2, default=vars)
    else:
        show(result)


if __name__ == "__main__":
    main()
