"""How often the drift monitor alarms without need or misses one, and what it costs.

``python -m benchmarks.drift [--windows N] [--json]`` draws windows without drift, with shifts
and of unseen communities from the posts at hand, and counts the alarms of a stage's defaults and
of Evidently's.

``--successive`` draws weeks of successive windows, each week beside a reference of its own, and
counts false alarms a month and the windows that an alarm takes after a shift.

``--cost`` measures the drift function by the size of its window instead: processor time and
memory.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from benchmarks.drift import alarms, cost, episodes


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description="How often the drift monitor is wrong.")
    parser.add_argument("--windows", type=int, default=alarms.WINDOWS)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--successive", action="store_true", help="windows that follow each other")
    parser.add_argument("--runs", type=int, default=episodes.RUNS, help="weeks of them")
    parser.add_argument("--cost", action="store_true", help="measure time and memory instead")
    parser.add_argument("--cost-of", type=int, metavar="ROWS", help="of one window, here")
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
