"""The monitoring workflow on the local stack: archived rows are settled once, and measured."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.deployment.client import Measurement, payload
from cli.errors import OperatorError
from stresswatch.aws import stack_outputs
from stresswatch.settled.places import PREDICTIONS
from stresswatch.storage import archive
from tests.conftest import make_posts
from tests.e2e.deployed import Deployed, environment
from tests.e2e.waiting import eventually

HOUR = timedelta(hours=1)


def measure(deployed: Deployed) -> Measurement:
    now = datetime.now(UTC)
    return deployed.deployment.measure(now - 6 * HOUR, now)


def rows(deployed: Deployed, prefix: str) -> list[dict[str, Any]]:
    """Read the rows of all a prefix's parts; other tests' files have no shard."""
    bucket, s3 = deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET], deployed.client("s3")
    tables = [
        pq.read_table(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
        for key in deployed.objects(bucket, prefix)
        if "shardId-" in key
    ]
    return list(pa.concat_tables(tables).to_pylist()) if tables else []


def archived(deployed: Deployed) -> set[str]:
    """Return the ids in the raw archive of the last hours."""
    now = datetime.now(UTC)
    bucket = deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
    found = archive.read(deployed.client("s3"), bucket, now - 6 * HOUR, now + HOUR)
    return {row["prediction_id"] for row in found}


def settled(deployed: Deployed) -> list[str]:
    return [row["prediction_id"] for row in rows(deployed, PREDICTIONS.settled)]


def test_each_measured_prediction_has_exactly_one_settled_row(
    deployed: Deployed, retraining: dict[str, Any]
) -> None:
    measured = measure(deployed)
    assert measured.drift["status"] == "measured"
    ids = settled(deployed)
    assert len(ids) == len(set(ids))
    assert set(ids) == archived(deployed) != set()


def test_later_predictions_are_settled_by_the_next_run(
    deployed: Deployed, retraining: dict[str, Any]
) -> None:
    measure(deployed)
    before = archived(deployed)
    deployed.deployment.send([payload(post) for post in make_posts(3, seed=91)])
    eventually("predictions", lambda: len(archived(deployed)) == len(before) + 3)
    measure(deployed)
    assert sorted(settled(deployed)) == sorted(archived(deployed))


def test_a_run_without_new_predictions_rewrites_nothing(
    deployed: Deployed, retraining: dict[str, Any]
) -> None:
    measure(deployed)
    before = written(deployed)
    measure(deployed)
    assert written(deployed) == before


def written(deployed: Deployed) -> dict[str, datetime]:
    bucket = deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
    pages = deployed.client("s3").get_paginator("list_objects_v2")
    return {
        item["Key"]: item["LastModified"]
        for page in pages.paginate(Bucket=bucket, Prefix="settled")
        for item in page.get("Contents", [])
    }


def test_a_failed_settle_fails_the_run_and_the_next_run_retries_it(
    deployed: Deployed, retraining: dict[str, Any]
) -> None:
    measure(deployed)
    before = archived(deployed)
    deployed.deployment.send([payload(post) for post in make_posts(3, seed=92)])
    eventually("predictions", lambda: len(archived(deployed)) == len(before) + 3)
    settle = deployed.stack.outputs[stack_outputs.SETTLE_FUNCTION]
    with (
        environment(deployed, settle, ARCHIVE_BUCKET="there-is-none"),
        pytest.raises(OperatorError, match=r"^The measurement failed: 1 unfinished: shard shardId"),
    ):
        measure(deployed)
    measure(deployed)
    assert sorted(settled(deployed)) == sorted(archived(deployed))


def test_live_quality_is_measured_with_each_run_on_demand(
    deployed: Deployed, retraining: dict[str, Any]
) -> None:
    assert measure(deployed).quality["status"] in ("measured", "too_few_labels")


def test_the_schedule_starts_the_workflow_with_the_scheduled_time(
    deployed: Deployed, retraining: dict[str, Any]
) -> None:
    """Fire as the rule does: with the scheduled time, at any later time."""
    states, machine = (
        deployed.client("stepfunctions"),
        deployed.stack.outputs[stack_outputs.MONITORING_STATE_MACHINE],
    )
    (target,) = (
        target
        for rule in deployed.client("events").list_rules()["Rules"]
        for target in deployed.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
        if target["Arn"] == machine
    )
    assert target["InputTransformer"]["InputTemplate"] == '{"time": <time>}'
    now = datetime.now(UTC).replace(minute=2, second=0, microsecond=0)
    started = states.start_execution(
        stateMachineArn=machine, input=json.dumps({"time": now.isoformat()})
    )
    output = deployed.deployment.follow(started["executionArn"], 120, lambda _: None, "run")
    assert output["drift"][-1]["end"] == now.replace(minute=0).isoformat()
