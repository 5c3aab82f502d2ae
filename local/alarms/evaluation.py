"""State changes of metric alarms: CloudWatch's rules, without AWS.

Windows slide: each evaluation uses the periods that end now. The most recent `EvaluationPeriods`
windows with data count. CloudWatch looks slightly further back for them; windows that are absent
even there are missing.

References
----------
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.errors import UnsupportedTemplate

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"

_EXTRA_WINDOWS = 2
"""Number of additional earlier windows in CloudWatch's documentation."""

_COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
}


@dataclass(frozen=True)
class Samples:
    """A statistic set: values of a metric from about the same time."""

    timestamp: float
    count: float
    total: float
    minimum: float
    maximum: float


_STATISTICS: Mapping[str, Callable[[Sequence[Samples]], float]] = {
    "SampleCount": lambda sets: sum(one.count for one in sets),
    "Sum": lambda sets: sum(one.total for one in sets),
    "Average": lambda sets: sum(one.total for one in sets) / sum(one.count for one in sets),
    "Minimum": lambda sets: min(one.minimum for one in sets),
    "Maximum": lambda sets: max(one.maximum for one in sets),
}


@dataclass(frozen=True)
class Alarm:
    """A metric alarm from the template; `period` in seconds."""

    name: str
    namespace: str
    metric_name: str
    dimensions: Mapping[str, str]
    statistic: str
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    comparison: str
    missing_data: str = "missing"

    @classmethod
    def from_description(cls, alarm: Mapping[str, Any], namespace_prefix: str) -> Alarm:
        """Read an alarm from `DescribeAlarms`.

        Raises
        ------
        UnsupportedTemplate
            When the alarm watches metric math, a percentile or a band.
        """
        name = alarm["AlarmName"]
        comparison, statistic = alarm["ComparisonOperator"], alarm.get("Statistic", "")
        if comparison not in _COMPARISONS or statistic not in _STATISTICS:
            raise UnsupportedTemplate(f"the alarm {name} compares {statistic} by {comparison}")
        if alarm.get("ExtendedStatistic") or alarm.get("Metrics"):
            raise UnsupportedTemplate(f"the alarm {name} watches a percentile or metric math")
        return cls(
            name=name,
            namespace=alarm["Namespace"].removeprefix(namespace_prefix),
            metric_name=alarm["MetricName"],
            dimensions={one["Name"]: one["Value"] for one in alarm.get("Dimensions", [])},
            statistic=statistic,
            period=alarm["Period"],
            evaluation_periods=alarm["EvaluationPeriods"],
            datapoints_to_alarm=alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]),
            threshold=alarm["Threshold"],
            comparison=comparison,
            missing_data=alarm.get("TreatMissingData", "missing"),
        )

    @property
    def evaluation_range(self) -> int:
        """Seconds of past samples that are needed."""
        return self.period * (self.evaluation_periods + _EXTRA_WINDOWS)


@dataclass(frozen=True)
class Datapoint:
    """The statistic of a window; age 0 is the window that ends now."""

    age: int
    start: float
    value: float


@dataclass(frozen=True)
class AlarmState:
    """The new state of an alarm, with the reason."""

    state: str
    reason: str


def evaluate(alarm: Alarm, samples: Iterable[Samples], state: str, now: float) -> AlarmState:
    """Decide the state of an alarm that is in `state` now."""
    found = datapoints(alarm, samples, now)[: alarm.evaluation_periods]
    breaches, words = _COMPARISONS[alarm.comparison]
    breaching = [point for point in found if breaches(point.value, alarm.threshold)]
    missing = alarm.evaluation_periods - len(found)
    new_state = _decide(alarm, found, breaching, missing)
    if new_state is None:
        return AlarmState(state, "")
    return AlarmState(new_state, _reason(alarm, words, found, breaching, missing, new_state, state))


def datapoints(alarm: Alarm, samples: Iterable[Samples], now: float) -> list[Datapoint]:
    """Return the windows with data, the most recent first."""
    windows: dict[int, list[Samples]] = {}
    for one in samples:
        age = int((now - one.timestamp) // alarm.period)
        if 0 <= age < alarm.evaluation_periods + _EXTRA_WINDOWS and one.count > 0:
            windows.setdefault(age, []).append(one)
    statistic = _STATISTICS[alarm.statistic]
    return [
        Datapoint(age, now - (age + 1) * alarm.period, statistic(sets))
        for age, sets in sorted(windows.items())
    ]


def _decide(
    alarm: Alarm,
    found: Sequence[Datapoint],
    breaching: Sequence[Datapoint],
    missing: int,
) -> str | None:
    """Choose the state; None keeps the present one."""
    needed = alarm.datapoints_to_alarm
    treatment = alarm.missing_data
    filled = missing if treatment == "breaching" else 0
    if len(breaching) + filled >= needed:
        return ALARM
    if treatment in ("breaching", "notBreaching") or len(found) > len(breaching):
        return OK
    if treatment == "ignore":
        return None
    if not found:
        return INSUFFICIENT_DATA
    # There are too few points, and all of them breach. This is an alarm if the oldest is so old
    # that points in between are missing, and premature if these may still arrive.
    return ALARM if breaching[-1].age + 1 >= needed else None


def _reason(
    alarm: Alarm,
    words: str,
    found: Sequence[Datapoint],
    breaching: Sequence[Datapoint],
    missing: int,
    new_state: str,
    state: str,
) -> str:
    """Word the reason as CloudWatch does."""
    if new_state == INSUFFICIENT_DATA:
        return f"Insufficient Data: {missing} datapoints were unknown."
    counted = breaching if new_state == ALARM else [one for one in found if one not in breaching]
    listed = ", ".join(f"{one.value:g} ({_clock(one.start)})" for one in counted)
    periods, needed = alarm.evaluation_periods, alarm.datapoints_to_alarm
    least = needed if new_state == ALARM else periods - needed + 1
    parts = []
    if counted:
        were = "was" if len(counted) == 1 else "were"
        verb = f"{were} {'' if new_state == ALARM else 'not '}{words}"
        parts = [
            f"{len(counted)} out of the last {periods} datapoints [{listed}] {verb} "
            f"the threshold ({alarm.threshold:g})"
        ]
    if missing and alarm.missing_data in ("breaching", "notBreaching"):
        treated = "[Breaching]" if alarm.missing_data == "breaching" else "[NonBreaching]"
        parts.append(f"{missing} missing datapoints were treated as {treated}")
    return (
        f"Threshold Crossed: {' and '.join(parts)} "
        f"(minimum {least} datapoint{'s' if least > 1 else ''} for {state} -> {new_state} "
        "transition)."
    )


def _clock(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%d/%m/%y %H:%M:%S}"
