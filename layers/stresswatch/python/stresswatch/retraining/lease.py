"""The lease: allows one retraining at a time, with a cool-down after each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from stresswatch.clock import to_the_second
from stresswatch.retraining.journal import Journal

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


@dataclass(frozen=True)
class RetrainingRun:
    """An execution of the workflow.

    Attributes
    ----------
    ended_at : datetime or None
        None while it runs.
    trained : bool
        Whether it started a training job, or may have. A retraining declined for lack of labels
        costs nothing and causes no cool-down.
    """

    ended_at: datetime | None
    trained: bool


@dataclass(frozen=True)
class LeaseAnswer:
    """Whether a retraining may begin, and why not.

    Attributes
    ----------
    again_at : str or None
        When to ask again, in Step Functions' format; None if waiting does not help.
    """

    admitted: bool
    reason: str = ""
    again_at: str | None = None


def take_lease(
    journal: Journal,
    describe: Callable[[str], RetrainingRun | None],
    execution: str,
    now: datetime,
    cool_down: timedelta,
    probation_ends: datetime | None = None,
) -> LeaseAnswer:
    """Take the lease for an execution, or return why it is unavailable.

    The running execution holds the lease. After a stop or crash there is nothing to release. A
    repeated request by the same execution has the same answer.

    Parameters
    ----------
    journal : Journal
    describe : callable
        Returns the run of an execution; None if AWS has deleted it.
    execution : str
        Its ARN.
    now : datetime
    cool_down : timedelta
        Cool-down after the end of a training.
    probation_ends : datetime, optional
        End of the champion's probation, which the execution must await.
    """
    while True:
        holder = journal.lease_holder()
        if holder == execution:
            return LeaseAnswer(admitted=True)
        last = describe(holder) if holder else None
        if last and not last.ended_at:
            reason = f"{_name(holder)} is still retraining"
            if not probation_ends:
                return LeaseAnswer(admitted=False, reason=reason)
            # At least a minute: the last check of the champion may outlast its probation.
            again_at = max(probation_ends, now) + max(cool_down, timedelta(minutes=1))
            return LeaseAnswer(admitted=False, reason=reason, again_at=to_the_second(again_at))
        if last and last.ended_at and last.trained and now < last.ended_at + cool_down:
            return LeaseAnswer(
                admitted=False,
                reason=f"the last retraining ended at {to_the_second(last.ended_at)}; "
                f"the next may begin at {to_the_second(last.ended_at + cool_down)}",
            )
        if journal.take_lease(execution, after=holder):
            return LeaseAnswer(admitted=True)


def describe_retraining(states: SFNClient, execution: str) -> RetrainingRun | None:
    """Look up an execution; None once AWS has deleted it, after 90 days."""
    try:
        found = states.describe_execution(executionArn=execution)
    except states.exceptions.ExecutionDoesNotExist:
        return None
    if found["status"] in ("RUNNING", "PENDING_REDRIVE"):
        return RetrainingRun(ended_at=None, trained=False)
    output = json.loads(found.get("output", "{}"))
    is_untrained = found["status"] == "SUCCEEDED" and "training" not in output
    return RetrainingRun(ended_at=found["stopDate"], trained=not is_untrained)


def _name(execution: str | None) -> str:
    return (execution or "").rpartition(":")[2]
