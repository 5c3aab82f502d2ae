"""Series for the dashboard, by the source of their metrics."""

from __future__ import annotations

from stresswatch.aws import stack_outputs
from stresswatch.monitoring import dimension_names
from stresswatch.monitoring.panels import OF_STAGE, Series


def of_function(label: str, metric: str, output: str, statistic: str, scale: float = 1.0) -> Series:
    """Return a Lambda metric of the function in an output."""
    function = {"FunctionName": f"{{{output}}}"}
    return Series(label, metric, statistic, "AWS/Lambda", function, scale)


def of_predictor(label: str, metric: str, statistic: str, scale: float = 1.0) -> Series:
    """Return a Lambda metric of the predictor."""
    return of_function(label, metric, stack_outputs.PREDICTOR_FUNCTION, statistic, scale)


def of_stream(label: str, metric: str, output: str, scale: float = 1.0) -> Series:
    """Return a Kinesis metric of the stream in an output."""
    stream = {"StreamName": f"{{{output}}}"}
    return Series(label, metric, "Sum", "AWS/Kinesis", stream, scale)


def of_workflow(output: str) -> tuple[Series, ...]:
    """Return the series of a workflow's results."""
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
    """Return the number of messages in the queue of an output."""
    queue = {"QueueName": f"{{{output}}}"}
    return Series(label, "ApproximateNumberOfMessagesVisible", "Maximum", "AWS/SQS", queue)


def counted(label: str, metric: str, service: str, scale: float = 1.0) -> Series:
    """Return a series of a metric from a function's log."""
    own = {**OF_STAGE, dimension_names.SERVICE: service}
    return Series(label, metric, dimensions=own, scale=scale)
