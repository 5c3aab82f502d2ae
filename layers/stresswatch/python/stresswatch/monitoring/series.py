"""Kinds of lines on the dashboard, each by what it is a metric of."""

from __future__ import annotations

from stresswatch.aws import stack_outputs
from stresswatch.monitoring import dimension_names
from stresswatch.monitoring.panels import OF_STAGE, Series


def of_function(label: str, metric: str, output: str, statistic: str, scale: float = 1.0) -> Series:
    """Return a metric of Lambda of the function that an output names."""
    function = {"FunctionName": f"{{{output}}}"}
    return Series(label, metric, statistic, "AWS/Lambda", function, scale)


def of_predictor(label: str, metric: str, statistic: str, scale: float = 1.0) -> Series:
    """Return a metric of Lambda of the predictor."""
    return of_function(label, metric, stack_outputs.PREDICTOR_FUNCTION, statistic, scale)


def of_stream(label: str, metric: str, output: str, scale: float = 1.0) -> Series:
    """Return a metric of Kinesis of the stream that an output names."""
    stream = {"StreamName": f"{{{output}}}"}
    return Series(label, metric, "Sum", "AWS/Kinesis", stream, scale)


def of_workflow(output: str) -> tuple[Series, ...]:
    """Return the series of a workflow's ends."""
    machine = {"StateMachineArn": f"{{{output}}}"}
    return tuple(
        Series(label, metric, "Sum", "AWS/States", machine)
        for label, metric in (
            ("succeeded", "ExecutionsSucceeded"),
            ("failed", "ExecutionsFailed"),
            ("timed out", "ExecutionsTimedOut"),
            ("aborted", "ExecutionsAborted"),
        )
    )


def waiting(label: str, output: str) -> Series:
    """Return how many messages wait in the queue that an output names."""
    queue = {"QueueName": f"{{{output}}}"}
    return Series(label, "ApproximateNumberOfMessagesVisible", "Maximum", "AWS/SQS", queue)


def counted(label: str, metric: str, service: str, scale: float = 1.0) -> Series:
    """Return a series of what a function writes into its log."""
    own = {**OF_STAGE, dimension_names.SERVICE: service}
    return Series(label, metric, dimensions=own, scale=scale)
