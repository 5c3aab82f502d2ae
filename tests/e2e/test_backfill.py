"""An operator with the documented permissions scores a range of the deployed stream again."""

from __future__ import annotations

import gzip
import io
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from cli.backfill.backfill_posts import backfill
from cli.deployment.client import payload
from cli.deployment.target import Target
from cli.errors import OperatorError
from stresswatch.aws import stack_outputs
from stresswatch.storage import archive
from tests.conftest import make_posts
from tests.e2e.deployed import Deployed
from tests.e2e.operators import not_missed, operator
from tests.e2e.policies import Policy
from tests.e2e.waiting import eventually


@pytest.fixture(scope="module")
def able(deployed: Deployed, retraining: dict[str, Any]) -> Iterator[tuple[Target, Policy]]:
    with operator(deployed, "backfill") as found:
        yield found


def run(target: Target, version: str, start: datetime) -> str:
    """Score the records that the stream received since a time; return the prefix of the outcome."""
    prefix = f"backfills/{uuid.uuid4().hex}"
    out = f"s3://{target.output(stack_outputs.ARCHIVE_BUCKET)}/{prefix}"
    backfill(Console(file=io.StringIO()), target, version, (start, datetime.now(UTC)), out)
    return prefix


def archived(deployed: Deployed, start: datetime) -> dict[str, float]:
    rows = archive.read(
        deployed.client("s3"),
        deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET],
        start,
        datetime.now(UTC) + timedelta(minutes=1),
    )
    return {row["prediction_id"]: row["probability"] for row in rows}


def test_a_backfill_reproduces_the_served_probabilities_exactly(
    deployed: Deployed, able: tuple[Target, Policy], retraining: dict[str, Any]
) -> None:
    target, _ = able
    start = datetime.now(UTC)
    sent = deployed.deployment.send([payload(post) for post in make_posts(40, seed=61)])
    eventually("predictions", lambda: set(sent) <= archived(deployed, start).keys())
    served = archived(deployed, start)
    prefix = run(target, retraining["gate"]["version"], start)
    s3, bucket = deployed.client("s3"), deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
    body = s3.get_object(Bucket=bucket, Key=f"{prefix}/part-00000.jsonl.gz")["Body"].read()
    again = [json.loads(line) for line in gzip.decompress(body).splitlines()]
    assert {row["prediction_id"]: row["probability"] for row in again} == {
        one: served[one] for one in sent
    }
    assert archived(deployed, start) == served


def test_a_backfill_needs_each_of_the_documented_permissions(
    able: tuple[Target, Policy], retraining: dict[str, Any]
) -> None:
    target, policy = able

    def attempt() -> None:
        """Score a version's range, and ask for a version that does not exist."""
        start = datetime.now(UTC) - timedelta(seconds=1)
        run(target, retraining["gate"]["version"], start)
        with pytest.raises(OperatorError, match="There is no version"):
            run(target, "nowhere", start)

    assert not_missed(policy, attempt) == []
