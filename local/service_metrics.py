"""Metrics that AWS's services publish of themselves, and the emulator does not.

Lambda's invocations, errors, throttles and durations are the emulator's own, of invocations by its
API, which the pollers use; those that workflows and rules make are not measured. How long a batch
waited in its stream is put by the shard's worker.

References
----------
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local.endpoint import Endpoint

_OUTCOMES = {
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
    "SUCCEEDED": "ExecutionsSucceeded",
}


def put_iterator_age(cloudwatch: Any, function_arn: str, milliseconds: float) -> None:
    """Put how long the last record of a batch had been in the stream when it was handed over."""
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


class QueueDepths:
    """Measures how many messages wait in queues."""

    def __init__(self, urls: Sequence[str], endpoint: Endpoint):
        self._urls = urls
        self._sqs = endpoint.client("sqs")
        self._cloudwatch = endpoint.client("cloudwatch")

    def tick(self) -> None:
        """Measure every queue once."""
        for url in self._urls:
            answer = self._sqs.get_queue_attributes(
                QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
            )
            self._cloudwatch.put_metric_data(
                Namespace="AWS/SQS",
                MetricData=[
                    {
                        "MetricName": "ApproximateNumberOfMessagesVisible",
                        "Dimensions": [{"Name": "QueueName", "Value": url.rpartition("/")[2]}],
                        "Value": float(answer["Attributes"]["ApproximateNumberOfMessages"]),
                        "Unit": "Count",
                    }
                ],
            )


class ExecutionOutcomes:
    """Counts how executions of state machines end; those that had ended before are not counted."""

    def __init__(self, machines: Sequence[str], endpoint: Endpoint):
        self._machines = machines
        self._states = endpoint.client("stepfunctions")
        self._cloudwatch = endpoint.client("cloudwatch")
        self._counted = {execution["executionArn"] for _, execution in self._ended()}

    def tick(self) -> None:
        """Put the outcomes that are new."""
        for machine, execution in self._ended():
            if execution["executionArn"] in self._counted:
                continue
            self._cloudwatch.put_metric_data(
                Namespace="AWS/States",
                MetricData=[
                    {
                        "MetricName": _OUTCOMES[execution["status"]],
                        "Dimensions": [{"Name": "StateMachineArn", "Value": machine}],
                        "Value": 1.0,
                        "Unit": "Count",
                    }
                ],
            )
            self._counted.add(execution["executionArn"])

    def _ended(self) -> list[tuple[str, dict[str, Any]]]:
        pages = self._states.get_paginator("list_executions")
        return [
            (machine, execution)
            for machine in self._machines
            for page in pages.paginate(stateMachineArn=machine)
            for execution in page["executions"]
            if execution["status"] in _OUTCOMES
        ]
