"""A range of the deployed stream is scored again, by somebody with the documented permissions."""

from __future__ import annotations

import gzip
import io
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from cli.backfill.command import backfill
from cli.errors import OperatorError
from cli.loop import payload
from cli.targets import Target
from stresswatch import archive
from tests.conftest import make_posts
from tests.e2e.deployed import Deployed, eventually
from tests.e2e.operators import operator
from tests.e2e.policies import Permission, Policy

BEYOND = {
    "cloudformation:DescribeStacks": "asked before there is a target",
    "kms:Decrypt": "the emulator encrypts nothing",
    "kms:GenerateDataKey": "the emulator encrypts nothing",
}
"""Permissions that the local stack cannot refuse, and why they are there."""


@pytest.fixture(scope="module")
def able(deployed: Deployed, retraining: dict[str, Any]) -> Iterator[tuple[Target, Policy]]:
    with operator(deployed, "backfill") as found:
        yield found


def run(target: Target, version: str, start: datetime) -> str:
    """Score what the stream took since a moment; give the prefix of the outcome."""
    prefix = f"backfills/{uuid.uuid4().hex}"
    out = f"s3://{target.output('ArchiveBucketName')}/{prefix}"
    backfill(Console(file=io.StringIO()), target, version, (start, datetime.now(UTC)), out)
    return prefix


def archived(deployed: Deployed, start: datetime) -> dict[str, float]:
    rows = archive.read(
        deployed.client("s3"),
        deployed.stack.outputs["ArchiveBucketName"],
        start,
        datetime.now(UTC) + timedelta(minutes=1),
    )
    return {row["prediction_id"]: row["probability"] for row in rows}


def test_what_was_streamed_is_scored_to_the_bit_as_it_was_served(
    deployed: Deployed, able: tuple[Target, Policy], retraining: dict[str, Any]
) -> None:
    target, _ = able
    start = datetime.now(UTC)
    sent = deployed.loop.send([payload(post) for post in make_posts(40, seed=61)])
    eventually("predictions", lambda: set(sent) <= archived(deployed, start).keys() or None)
    served = archived(deployed, start)
    prefix = run(target, retraining["gate"]["version"], start)
    s3, bucket = deployed.client("s3"), deployed.stack.outputs["ArchiveBucketName"]
    body = s3.get_object(Bucket=bucket, Key=f"{prefix}/part-00000.jsonl.gz")["Body"].read()
    again = [json.loads(line) for line in gzip.decompress(body).splitlines()]
    assert {row["prediction_id"]: row["probability"] for row in again} == {
        one: served[one] for one in sent
    }
    assert archived(deployed, start) == served


def refusal(target: Target, version: str) -> str:
    """Score a version's range, and ask for a version that is not there."""
    try:
        run(target, version, datetime.now(UTC) - timedelta(seconds=1))
        with pytest.raises(OperatorError, match="There is no version"):
            run(target, "nowhere", datetime.now(UTC) - timedelta(seconds=1))
    except ClientError as error:
        return str(error)
    return ""


def test_without_any_one_of_the_documented_permissions_nobody_can_backfill(
    able: tuple[Target, Policy], retraining: dict[str, Any]
) -> None:
    target, policy = able
    version = retraining["gate"]["version"]
    assert refusal(target, version) == ""
    not_missed: list[Permission] = []
    for permission in policy.permissions:
        if permission.action in BEYOND:
            continue
        with policy.without(permission):
            if permission.action not in refusal(target, version):
                not_missed.append(permission)
    assert not_missed == []
