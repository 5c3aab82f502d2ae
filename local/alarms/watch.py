"""Evaluate the stack's alarms, set their states, and send events about changes.

The emulator runs an alarm's actions when its state is set; this module sends the event.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from local.alarms.evaluation import Alarm, Samples, evaluate
from local.alarms.events import alarm_event, route
from local.endpoint import Endpoint
from local.template.rewrites import ALARM_NAMESPACE_PREFIX

log = logging.getLogger(__name__)

_FINEST_PERIOD = 1
"""Resolution of samples in seconds: fine enough for sliding windows."""
_STATISTICS = ("SampleCount", "Sum", "Minimum", "Maximum")
"""The statistics in `Samples`, in its order."""


class AlarmWatch:
    """The alarms of a stack, with their last known states."""

    def __init__(self, names: Sequence[str], endpoint: Endpoint):
        self._names = names
        self._endpoint = endpoint
        self._cloudwatch = endpoint.client("cloudwatch")
        self._seen = self._describe()
        for description in self._seen.values():
            Alarm.from_description(description, ALARM_NAMESPACE_PREFIX)

    def tick(self) -> None:
        """Evaluate every alarm once, and send an event for every change of state.

        A change by `SetAlarmState` has the same effect.
        """
        described, now = self._describe(), time.time()
        alarms = {
            name: Alarm.from_description(description, ALARM_NAMESPACE_PREFIX)
            for name, description in described.items()
        }
        samples = self._samples(alarms.values(), now)
        for name, description in described.items():
            self._send_change(description)
            verdict = evaluate(alarms[name], samples[name], description["StateValue"], now)
            if verdict.state != description["StateValue"]:
                self._cloudwatch.set_alarm_state(
                    AlarmName=name, StateValue=verdict.state, StateReason=verdict.reason
                )
                self._send_change(self._describe()[name])

    def _send_change(self, description: Mapping[str, Any]) -> None:
        name = description["AlarmName"]
        previous = self._seen[name]
        if description["StateValue"] == previous["StateValue"]:
            return
        log.info("%s: %s", name, description["StateReason"])
        alarm = Alarm.from_description(description, ALARM_NAMESPACE_PREFIX)
        route(alarm_event(alarm, description, previous, self._endpoint.region), self._endpoint)
        self._seen[name] = description

    def _describe(self) -> dict[str, Mapping[str, Any]]:
        if not self._names:
            return {}
        answer = self._cloudwatch.describe_alarms(AlarmNames=list(self._names))
        return {alarm["AlarmName"]: alarm for alarm in answer["MetricAlarms"]}

    def _samples(self, alarms: Iterable[Alarm], now: float) -> dict[str, list[Samples]]:
        """Read the samples of all alarms by name, with one request per length of time."""
        samples: dict[str, list[Samples]] = {}
        by_range = sorted(alarms, key=lambda alarm: alarm.evaluation_range)
        for seconds, group in groupby(by_range, key=lambda alarm: alarm.evaluation_range):
            watched = list(group)
            answer = self._cloudwatch.get_metric_data(
                MetricDataQueries=[
                    _query(alarm, f"q{place}_{number}", statistic)
                    for place, alarm in enumerate(watched)
                    for number, statistic in enumerate(_STATISTICS)
                ],
                StartTime=datetime.fromtimestamp(now - seconds, UTC),
                EndTime=datetime.fromtimestamp(now + _FINEST_PERIOD, UTC),
                ScanBy="TimestampAscending",
            )
            found = {result["Id"]: result for result in answer["MetricDataResults"]}
            for place, alarm in enumerate(watched):
                columns = [found[f"q{place}_{number}"] for number in range(len(_STATISTICS))]
                values = zip(*(column["Values"] for column in columns), strict=True)
                samples[alarm.name] = [
                    Samples(timestamp.timestamp(), *figures)
                    for timestamp, figures in zip(columns[0]["Timestamps"], values, strict=True)
                ]
        return samples


def _query(alarm: Alarm, identity: str, statistic: str) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in alarm.dimensions.items()]
    metric = {
        "Namespace": alarm.namespace,
        "MetricName": alarm.metric_name,
        "Dimensions": dimensions,
    }
    return {
        "Id": identity,
        "MetricStat": {"Metric": metric, "Period": _FINEST_PERIOD, "Stat": statistic},
    }
