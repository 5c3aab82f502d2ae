"""Follow the workflow that scores parts, and find the causes of failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_LOOK_SECONDS = 1.0


def follow(console: Console, states: Any, execution: str, sleep: Callable[[float], None]) -> str:
    """Show an execution's progress until it ends; return the first failure, if any.

    Parameters
    ----------
    states : SFNClient
    execution : str
        ARN of the execution.
    """
    columns = TextColumn("Parts"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("Parts", total=None)
            while True:
                described = states.describe_execution(executionArn=execution)
                for run in _map_runs(states, execution):
                    items = states.describe_map_run(mapRunArn=run)["itemCounts"]
                    done = items["succeeded"] + items["failed"]
                    progress.update(task, completed=done, total=items["total"])
                if described["status"] != "RUNNING":
                    return _cause(states, execution, described)
                sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        console.print("The workflow continues; run this again to follow it.")
        raise


def _map_runs(states: Any, execution: str) -> list[str]:
    found = states.list_map_runs(executionArn=execution)["mapRuns"]
    return [run["mapRunArn"] for run in found]


def _cause(states: Any, execution: str, described: dict[str, Any]) -> str:
    for run in _map_runs(states, execution):
        failed = states.list_executions(mapRunArn=run, statusFilter="FAILED", maxResults=1)
        for part in failed["executions"]:
            part_run = states.describe_execution(executionArn=part["executionArn"])
            return f"{part_run.get('error')}: {part_run.get('cause')}"
    return f"the workflow {described['status'].lower()}, {described.get('error')}"
