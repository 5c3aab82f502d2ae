"""Metrics that AWS services publish, but the emulator does not.

The emulator itself measures Lambda's invocations, errors, throttles and durations, for invocations
through its API, as the pollers use it. Invocations by workflows and rules are not measured. When
the shard's worker reads records, it puts the metrics of the stream's input and of batches' waiting
times.

References
----------
https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local.endpoint import Endpoint

_OUTCOMES = {
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
    "SUCCEEDED": "ExecutionsSucceeded",
}

_DEPTH_SECONDS = 60.0
_SERVER_ERROR = 500
_LOOK_BACK_MILLISECONDS = 10_000
"""Lines are looked for this far back again, as an invocation's lines come all at its end."""


def put_iterator_age(cloudwatch: Any, function_arn: str, milliseconds: float) -> None:
    """Put the age of a batch's last record at its delivery."""
    cloudwatch.put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "IteratorAge",
                "Dimensions": [
                    {"Name": "FunctionName", "Value": function_arn.split(":function:")[1]}
                ],
                "Value": max(0.0, milliseconds),
                "Unit": "Milliseconds",
            }
        ],
    )


def put_incoming(cloudwatch: Any, stream_arn: str, sizes: Sequence[int]) -> None:
    """Put the numbers of incoming records and bytes of a stream."""
    stream = [{"Name": "StreamName", "Value": stream_arn.rpartition("/")[2]}]
    cloudwatch.put_metric_data(
        Namespace="AWS/Kinesis",
        MetricData=[
            {"MetricName": name, "Dimensions": stream, "Value": float(value), "Unit": unit}
            for name, value, unit in (
                ("IncomingRecords", len(sizes), "Count"),
                ("IncomingBytes", sum(sizes), "Bytes"),
            )
        ],
    )


class QueueDepths:
    """Measure the number of waiting messages: each minute, as SQS does, and after changes.

    The emulator scans all its metrics at each metric request, so a sample every second would slow
    an idle stack down.
    """

    def __init__(
        self, urls: Sequence[str], endpoint: Endpoint, clock: Callable[[], float] = time.time
    ):
        self._urls = urls
        self._sqs = endpoint.client("sqs")
        self._cloudwatch = endpoint.client("cloudwatch")
        self._clock = clock
        self._depths: dict[str, float] = {}
        self._put_at = -math.inf

    def tick(self) -> None:
        """Measure every queue once, and put depths that have changed or are a minute old."""
        if not self._urls:
            return
        depths, now = {url: self._depth(url) for url in self._urls}, self._clock()
        if depths == self._depths and 0 <= now - self._put_at < _DEPTH_SECONDS:
            return
        self._put(depths)
        self._depths, self._put_at = depths, now

    def _put(self, depths: Mapping[str, float]) -> None:
        self._cloudwatch.put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": "ApproximateNumberOfMessagesVisible",
                    "Dimensions": [{"Name": "QueueName", "Value": url.rpartition("/")[2]}],
                    "Value": depth,
                    "Unit": "Count",
                }
                for url, depth in depths.items()
            ],
        )

    def _depth(self, url: str) -> float:
        answer = self._sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return float(answer["Attributes"]["ApproximateNumberOfMessages"])


class ExecutionOutcomes:
    """Count the outcomes of state machine executions, except those from before the start.

    The emulator ignores a definition's `TimeoutSeconds`; this class stops such executions, and
    counts them as timed out.
    """

    def __init__(self, machines: Sequence[str], endpoint: Endpoint):
        self._machines = machines
        self._states = endpoint.client("stepfunctions")
        self._cloudwatch = endpoint.client("cloudwatch")
        self._counted = {execution["executionArn"] for _, execution in self._ended()}
        self._timed_out: set[str] = set()

    def tick(self) -> None:
        """Put new outcomes."""
        executions = list(self._executions())
        self._stop_those_out_of_time(executions)
        for machine, execution in executions:
            arn, status = execution["executionArn"], execution["status"]
            if arn in self._counted or status not in _OUTCOMES:
                continue
            outcome = "TIMED_OUT" if arn in self._timed_out else status
            self._cloudwatch.put_metric_data(
                Namespace="AWS/States",
                MetricData=[
                    {
                        "MetricName": _OUTCOMES[outcome],
                        "Dimensions": [{"Name": "StateMachineArn", "Value": machine}],
                        "Value": 1.0,
                        "Unit": "Count",
                    }
                ],
            )
            self._counted.add(arn)

    def _stop_those_out_of_time(self, executions: Sequence[tuple[str, dict[str, Any]]]) -> None:
        for machine, execution in executions:
            arn = execution["executionArn"]
            if execution["status"] != "RUNNING" or arn in self._timed_out:
                continue
            seconds = (datetime.now(UTC) - execution["startDate"]).total_seconds()
            if seconds > self._longest(machine):
                self._timed_out.add(arn)
                self._states.stop_execution(
                    executionArn=arn, error="States.Timeout", cause=f"It ran for {seconds:.0f} s."
                )

    def _longest(self, machine: str) -> float:
        described = self._states.describe_state_machine(stateMachineArn=machine)
        return float(json.loads(described["definition"]).get("TimeoutSeconds", math.inf))

    def _ended(self) -> list[tuple[str, dict[str, Any]]]:
        return [found for found in self._executions() if found[1]["status"] in _OUTCOMES]

    def _executions(self) -> Iterator[tuple[str, dict[str, Any]]]:
        pages = self._states.get_paginator("list_executions")
        for machine in self._machines:
            for page in pages.paginate(stateMachineArn=machine):
                for execution in page["executions"]:
                    yield machine, execution


class ApiErrors:
    """Count the responses with status 500 and above that functions behind HTTP APIs log.

    The gateway's own responses, when a function fails or is throttled, are not counted.
    """

    def __init__(self, api_ids: Sequence[str], endpoint: Endpoint):
        self._logs = endpoint.client("logs")
        self._cloudwatch = endpoint.client("cloudwatch")
        gateway, functions = endpoint.client("apigatewayv2"), endpoint.client("lambda")
        self._log_groups = {
            functions.get_function_configuration(FunctionName=integration["IntegrationUri"])[
                "LoggingConfig"
            ]["LogGroup"]: api_id
            for api_id in api_ids
            for integration in gateway.get_integrations(ApiId=api_id)["Items"]
        }
        self._since = int(time.time() * 1000)
        self._counted: set[str] = set()

    def tick(self) -> None:
        """Put new responses."""
        now = int(time.time() * 1000)
        for group, api_id in self._log_groups.items():
            for line in self._answers(group):
                if line["status"] < _SERVER_ERROR or line["function_request_id"] in self._counted:
                    continue
                self._cloudwatch.put_metric_data(
                    Namespace="AWS/ApiGateway",
                    MetricData=[
                        {
                            "MetricName": "5xx",
                            "Dimensions": [{"Name": "ApiId", "Value": api_id}],
                            "Value": 1.0,
                            "Unit": "Count",
                        }
                    ],
                )
                self._counted.add(line["function_request_id"])
        self._since = now - _LOOK_BACK_MILLISECONDS

    def _answers(self, group: str) -> list[dict[str, Any]]:
        try:
            found = self._logs.filter_log_events(
                logGroupName=group, startTime=self._since, filterPattern='"answered"'
            )
        except self._logs.exceptions.ResourceNotFoundException:
            return []  # the function has not run yet
        return [json.loads(event["message"]) for event in found["events"]]
