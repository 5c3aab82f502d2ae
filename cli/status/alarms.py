"""The state of a deployment's alarms, and which of them sent a notification."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.deployment.target import Target

_RUNBOOK = " Runbook: "


@dataclass(frozen=True)
class AlarmStatus:
    """An alarm, its meaning and its runbook.

    Attributes
    ----------
    fell_silent : bool
        Whether it watches for silence, and its metric stopped: CloudWatch then gives it the state
        of a new alarm, `INSUFFICIENT_DATA`.
    """

    name: str
    state: str
    since: datetime
    meaning: str
    runbook: str
    metric: str
    threshold: float
    fell_silent: bool = False

    @property
    def fires(self) -> bool:
        """Whether it sent a notification of a problem."""
        return self.state == "ALARM" or self.fell_silent

    @property
    def is_new(self) -> bool:
        """Whether its metric has no data yet."""
        return self.state == "INSUFFICIENT_DATA" and not self.fell_silent


def read_alarms(target: Target) -> list[AlarmStatus]:
    """Read the state of a stack's alarms."""
    cloudwatch = target.client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms")
    return [
        _alarm(described, fell_silent=_fell_silent(cloudwatch, described))
        for page in pages.paginate(AlarmNamePrefix=f"{target.name}-")
        for described in page["MetricAlarms"]
    ]


def _fell_silent(cloudwatch: Any, described: Mapping[str, Any]) -> bool:
    """Distinguish the end of data from data that never arrived.

    Only alarms for silence notify people of this state. CloudWatch keeps changes for thirty days.

    References
    ----------
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
    """
    if described["StateValue"] != "INSUFFICIENT_DATA":
        return False
    if not described.get("InsufficientDataActions"):
        return False
    history = cloudwatch.describe_alarm_history(
        AlarmName=described["AlarmName"],
        HistoryItemType="StateUpdate",
        ScanBy="TimestampDescending",
        MaxRecords=1,
    )
    changes = [json.loads(item["HistoryData"]) for item in history["AlarmHistoryItems"]]
    return any(
        change["oldState"]["stateValue"] != change["newState"]["stateValue"] for change in changes
    )


def _alarm(described: Mapping[str, Any], *, fell_silent: bool) -> AlarmStatus:
    meaning, _, runbook = described.get("AlarmDescription", "").partition(_RUNBOOK)
    return AlarmStatus(
        name=described["AlarmName"],
        state=described["StateValue"],
        since=described["StateUpdatedTimestamp"],
        meaning=meaning,
        runbook=runbook,
        metric=described["MetricName"],
        threshold=described["Threshold"],
        fell_silent=fell_silent,
    )
