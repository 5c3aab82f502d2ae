"""The runs of a deployment's workflows, each in one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from cli.deployment.client import DeploymentClient, cause_of
from stresswatch.aws import stack_outputs
from stresswatch.retraining.run_report import describe

_RETRAININGS = 5
_RUNNING, _SUCCEEDED = "RUNNING", "SUCCEEDED"


@dataclass(frozen=True)
class WorkflowRun:
    """An execution: its start, status, and progress or result."""

    started: datetime
    status: str
    summary: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self) | {"started": self.started.isoformat()}


def retrainings(deployment: DeploymentClient) -> list[WorkflowRun]:
    """Return the last retrainings, newest first."""
    return [_retraining(deployment, one) for one in deployment.executions()[:_RETRAININGS]]


def monitoring_runs(deployment: DeploymentClient) -> list[WorkflowRun]:
    """Return the monitoring workflow's newest run; if it is running, also the last finished one."""
    executions = deployment.executions(stack_outputs.MONITORING_STATE_MACHINE)
    ended = (place for place, one in enumerate(executions) if one["status"] != _RUNNING)
    shown = {0, next(ended, 0)}
    return [_monitoring(deployment, one) for place, one in enumerate(executions) if place in shown]


def _retraining(deployment: DeploymentClient, execution: Mapping[str, Any]) -> WorkflowRun:
    """Describe a retraining, with the first reason of its verdict."""
    arn, status = execution["executionArn"], str(execution["status"])
    if status == _RUNNING:
        summary = _progress(deployment, arn)
    elif status == _SUCCEEDED:
        summary = describe(json.loads(deployment.describe(arn)["output"])).splitlines()[0]
    else:
        summary = status.lower()
    return WorkflowRun(execution["startDate"], status, summary)


def _monitoring(deployment: DeploymentClient, execution: Mapping[str, Any]) -> WorkflowRun:
    """Describe a run of the monitoring workflow, with its unfinished parts."""
    arn, status = execution["executionArn"], str(execution["status"])
    if status == _RUNNING:
        summary = _progress(deployment, arn)
    elif status == _SUCCEEDED:
        summary = "succeeded"
    else:
        summary = f"{status.lower()}, {cause_of(deployment.describe(arn))}"
    return WorkflowRun(execution["startDate"], status, summary)


def _progress(deployment: DeploymentClient, execution: str) -> str:
    return f"running, {deployment.current_state(execution) or 'starting'}"
