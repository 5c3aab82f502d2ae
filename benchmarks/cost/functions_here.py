"""The code of deployed functions, in this process with their settings."""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import boto3
import botocore.session

from cli.deployment.client import DeploymentClient, payload
from local.endpoint import REGION
from local.event_source_mapping.batching import ShardRecord
from local.event_source_mapping.invocation import Source, kinesis_event
from stresswatch.aws import stack_outputs
from stresswatch.contracts.labelled_posts import LabelledPost
from verification.lambda_context import CONTEXT

Call = tuple[str, dict[str, Any]]
"""A service with its operation, and the parameters of the call."""


@contextmanager
def function_here(running: DeploymentClient, output: str) -> Iterator[list[Call]]:
    """Give this process the settings of a deployed function, and record its calls."""
    settings = settings_of(running, output)
    calls: list[Call] = []

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        # A copy: boto3 makes files of bodies in the original.
        calls.append((f"{model.service_model.service_name}:{model.name}", dict(params)))

    session = botocore.session.Session()
    session.register("provide-client-params.*.*", note)
    with (
        patch.dict(os.environ, settings),
        patch.object(boto3, "DEFAULT_SESSION", boto3.Session(botocore_session=session)),
    ):
        yield calls


def settings_of(running: DeploymentClient, output: str) -> dict[str, str]:
    """Return the environment to run a deployed function's code in a local process."""
    target = running.target
    described = target.client("lambda").get_function_configuration(
        FunctionName=target.output(output)
    )
    return described["Environment"]["Variables"] | {
        "AWS_ENDPOINT_URL": target.client("s3").meta.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
    }


@contextmanager
def printing_to(logger: Any, output: io.StringIO) -> Iterator[None]:
    """Redirect a function's log."""
    for handler in logger.handlers:
        handler.setStream(output)
    try:
        with contextlib.redirect_stdout(output):
            yield
    finally:
        for handler in logger.handlers:
            handler.setStream(sys.stdout)


class MeasuredPredictor:
    """The predictor's own code in this process, on the local stack's AWS."""

    def __init__(self, running: DeploymentClient, module: Any, calls: list[Call]):
        self._module = module
        self._calls = calls
        self._numbers = itertools.count(1)
        stream = running.target.client("kinesis").describe_stream_summary(
            StreamName=running.target.output(stack_outputs.POSTS_STREAM)
        )["StreamDescriptionSummary"]
        self._source = Source(stream["StreamARN"], "shardId-000000000000", "arn")

    @classmethod
    @contextmanager
    def of(cls, running: DeploymentClient) -> Iterator[MeasuredPredictor]:
        """Import the predictor with its settings."""
        with function_here(running, stack_outputs.PREDICTOR_FUNCTION) as calls:
            module = importlib.import_module("lambdas.predictor.handler")
            module.predictor.cache_clear()
            yield cls(running, module, calls)
            module.predictor.cache_clear()

    def batches(self, posts: Iterator[LabelledPost], size: int, runs: int) -> dict[str, Any]:
        """Predict batches of new records; return the fastest batch's time, and other means."""
        events = [self._event(list(itertools.islice(posts, size))) for _ in range(runs)]
        self._module.predictor()
        self._calls.clear()
        seconds, output = [], io.StringIO()
        with printing_to(self._module.logger, output):
            for event in events:
                started = time.process_time()
                answer = self._module.handler(event, CONTEXT)
                seconds.append(time.process_time() - started)
                assert answer == {"batchItemFailures": []}, answer  # noqa: S101
        log = output.getvalue()
        assert '"level":"INFO"' in log and '"level":"WARNING"' not in log, log  # noqa: S101, PT018
        counted = Counter(name for name, _ in self._calls)
        puts = [params for name, params in self._calls if name == "kinesis:PutRecords"]
        archived = [params for name, params in self._calls if name == "s3:PutObject"]
        records = [record for event in events for record in event["Records"]]
        return {
            "seconds": min(seconds, default=0.0),
            "calls": {name: count / runs for name, count in sorted(counted.items())},
            "post_bytes": _mean(
                len(record["kinesis"]["partitionKey"]) + len(record["kinesis"]["data"]) * 3 / 4
                for record in records
            ),
            "prediction_bytes": _mean(
                len(record["PartitionKey"]) + len(record["Data"])
                for params in puts
                for record in params["Records"]
            ),
            "archived_bytes": sum(len(params["Body"]) for params in archived) / (size * runs),
            "log_bytes": len(log.encode()) / runs,
            "metrics": len(_metrics_in(log)),
        }

    def _event(self, posts: Sequence[LabelledPost]) -> dict[str, Any]:
        records = [
            ShardRecord(str(next(self._numbers)), *payload(post), arrived_at=time.time())
            for post in posts
        ]
        return kinesis_event(records, self._source)


def _metrics_in(log: str) -> set[str]:
    """Return the names of metrics in a log, in CloudWatch's embedded format."""
    found = set()
    for line in log.splitlines():
        entry = json.loads(line)
        for directive in entry.get("_aws", {}).get("CloudWatchMetrics", []):
            found |= {metric["Name"] for metric in directive["Metrics"]}
    return found


def _mean(values: Iterator[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)
