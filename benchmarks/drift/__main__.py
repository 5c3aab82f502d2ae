"""How often the drift monitor alarms without need or misses one, and what it costs.

``python -m benchmarks.drift [--windows N] [--json]`` draws windows without drift, with shifts
and of unseen communities from the posts at hand, and counts the alarms of a stage's defaults and
of Evidently's.

``--cost`` measures the drift function by the size of its window instead: processor time and
memory.
"""

from __future__ import annotations

import argparse
import json
import sys

from benchmarks.drift import alarms, cost


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description="How often the drift monitor is wrong.")
    parser.add_argument("--windows", type=int, default=alarms.WINDOWS)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--cost", action="store_true", help="measure time and memory instead")
    parser.add_argument("--cost-of", type=int, metavar="ROWS", help="of one window, here")
    arguments = parser.parse_args()
    if arguments.windows < 10:
        parser.error("--windows must be at least 10")
    if arguments.cost_of:
        json.dump(cost.measure(arguments.cost_of), sys.stdout)
        return
    measured = cost if arguments.cost else alarms
    result = cost.run() if arguments.cost else alarms.run(arguments.windows)
    if arguments.json:
        json.dump(result, sys.stdout, indent=2, default=vars)
    else:
        measured.show(result)


if __name__ == "__main__":
    main()
