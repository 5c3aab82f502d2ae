"""Extract metrics in the embedded metric format from functions' logs.

CloudWatch Logs does this on AWS; the emulator only stores the lines.

References
----------
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from local.endpoint import Endpoint

_LOOK_BACK_SECONDS = 10
"""Lines are searched this far back again, as an invocation's lines arrive at its end."""


def embedded_metrics(line: str) -> list[tuple[str, dict[str, Any]]]:
    """Yield the metrics of a log line, each as its namespace and a datum of `PutMetricData`.

    A line in another format is only a log line, as on AWS.
    """
    if '"_aws"' not in line:
        return []
    try:
        return list(_read(json.loads(line)))
    except (AttributeError, KeyError, TypeError, ValueError):
        return []


def _read(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    header = document["_aws"]
    timestamp = datetime.fromtimestamp(header["Timestamp"] / 1000, UTC)
    for directive in header["CloudWatchMetrics"]:
        for names in directive["Dimensions"] or [[]]:
            dimensions = [{"Name": name, "Value": str(document[name])} for name in names]
            for metric in directive["Metrics"]:
                value = document[metric["Name"]]
                yield (
                    directive["Namespace"],
                    {
                        "MetricName": metric["Name"],
                        "Dimensions": dimensions,
                        "Timestamp": timestamp,
                        "Unit": metric.get("Unit", "None"),
                        "Values": value if isinstance(value, list) else [value],
                    },
                )


class LogMetrics:
    """Follows functions' log groups."""

    def __init__(self, log_groups: Sequence[str], endpoint: Endpoint):
        self._log_groups = log_groups
        self._logs = endpoint.client("logs")
        self._cloudwatch = endpoint.client("cloudwatch")
        self._sizes: dict[str, int] = {}
        self._put_events: dict[tuple[str, str, int, str], int] = {}
        self._since = int(time.time() * 1000)

    def tick(self) -> None:
        """Put the metrics of new lines."""
        now = int(time.time() * 1000)
        start = self._since - _LOOK_BACK_SECONDS * 1000
        sizes = self._measure()
        for group in self._log_groups:
            if sizes.get(group) == self._sizes.get(group):
                continue
            for event in self._events(group, start):
                key = (group, event["logStreamName"], event["timestamp"], event["message"])
                if key in self._put_events:
                    continue
                self._put_events[key] = event["timestamp"]
                for namespace, datum in embedded_metrics(event["message"]):
                    self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])
        self._put_events = {key: when for key, when in self._put_events.items() if when >= start}
        self._since, self._sizes = now, sizes

    def _measure(self) -> dict[str, int]:
        """Return the bytes of every log group: unchanged groups need no read."""
        pages = self._logs.get_paginator("describe_log_groups").paginate()
        return {
            group["logGroupName"]: group["storedBytes"]
            for page in pages
            for group in page["logGroups"]
        }

    def _events(self, group: str, start: int) -> list[dict[str, Any]]:
        answer = self._logs.filter_log_events(
            logGroupName=group, startTime=start, filterPattern='"_aws"'
        )
        events: list[dict[str, Any]] = answer["events"]
        return events
