"""Evaluates the stack's alarms, sets their states, and sends what follows from a change.

The emulator publishes an alarm's own actions when its state is set; the event is sent here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local.alarm_evaluation import Alarm, Samples, evaluate
from local.endpoint import Endpoint
from local.events import alarm_event, route
from local.rewrites import ALARM_NAMESPACE_PREFIX

log = logging.getLogger(__name__)

_FINEST_PERIOD = 1
"""Seconds that samples are read back by: fine enough to be put into windows that slide."""


class AlarmWatch:
    """The alarms of a stack, with the states that were last seen."""

    def __init__(self, names: Sequence[str], endpoint: Endpoint):
        self._names = names
        self._endpoint = endpoint
        self._cloudwatch = endpoint.client("cloudwatch")
        self._seen = self._describe()
        for description in self._seen.values():
            Alarm.from_description(description, ALARM_NAMESPACE_PREFIX)

    def tick(self) -> None:
        """Evaluate every alarm once, and send an event for every change of state.

        A change that somebody made with `SetAlarmState` is seen here like one of our own.
        """
        for name, description in self._describe().items():
            self._send_change(description)
            alarm = Alarm.from_description(description, ALARM_NAMESPACE_PREFIX)
            now = time.time()
            verdict = evaluate(alarm, self._samples(alarm, now), description["StateValue"], now)
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

    def _samples(self, alarm: Alarm, now: float) -> list[Samples]:
        answer = self._cloudwatch.get_metric_statistics(
            Namespace=alarm.namespace,
            MetricName=alarm.metric_name,
            Dimensions=[{"Name": name, "Value": value} for name, value in alarm.dimensions.items()],
            StartTime=datetime.fromtimestamp(now - alarm.evaluation_range, UTC),
            EndTime=datetime.fromtimestamp(now + _FINEST_PERIOD, UTC),
            Period=_FINEST_PERIOD,
            Statistics=["SampleCount", "Sum", "Minimum", "Maximum"],
        )
        return [
            Samples(
                timestamp=point["Timestamp"].timestamp(),
                count=point["SampleCount"],
                total=point["Sum"],
                minimum=point["Minimum"],
                maximum=point["Maximum"],
            )
            for point in answer["Datapoints"]
        ]
