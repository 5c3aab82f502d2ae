"""Measure the predictor's speed, compared with scikit-learn, a baseline's handler and a floor.

``python -m benchmarks.predictor [--json] [--rounds N]`` uses Dreaddit if ``STRESSWATCH_DATA_DIR``
has it, or else synthetic posts. Models learn from four fifths of them, and are measured on the
rest. Everything runs on one core with stubs of AWS, and is measured in processor time.

``--challenger`` times the handler without and with a challenger beside the champion instead, and
``--web-service`` the web service's function with the events that API Gateway passes on.
``--scorers`` compares the training job's pipelines: arrays, and those that scikit-learn scores.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module

from benchmarks.timing import use_one_core


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description="Measure the speed of the serving functions.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--rounds", type=int, default=7)
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--challenger", action="store_true", help="measure a challenger's cost instead"
    )
    other.add_argument("--web-service", action="store_true", help="measure that one instead")
    other.add_argument("--scorers", action="store_true", help="compare the pipelines instead")
    arguments = parser.parse_args()
    name = (
        "challenger" if arguments.challenger
        else "web_service" if arguments.web_service
        else "scorers" if arguments.scorers
        else "throughput"
    )  # fmt: skip
    use_one_core()  # before these modules import numpy, which starts threads
    measured = import_module(f"benchmarks.predictor.{name}")
    result = measured.run(arguments.rounds)
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
    else:
        measured.show(result)


if __name__ == "__main__":
    main()
