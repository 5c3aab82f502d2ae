"""An operator with the documented permissions removes a person's posts from the deployed stack."""

from __future__ import annotations

import base64
import io
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from cli.deployment.target import Target
from cli.forget.forget_posts import forget
from stresswatch.aws import stack_outputs
from stresswatch.contracts.labelled_posts import LabelledPost, labelled_post_record
from stresswatch.settled.places import PREDICTIONS
from stresswatch.storage import archive, prefixes
from tests.conftest import make_posts
from tests.e2e.deployed import Deployed
from tests.e2e.operators import is_beyond, not_missed, operator
from tests.e2e.policies import Permission, Policy
from tests.e2e.waiting import eventually
from tests.marker import holds


@pytest.fixture(scope="module")
def able(deployed: Deployed, retraining: dict[str, Any]) -> Iterator[tuple[Target, Policy]]:
    with operator(deployed, "forget") as found:
        yield found


def run(target: Target, post_id: str, *, execute: bool = True) -> str:
    shown = io.StringIO()
    forget(Console(file=shown, width=100), target, [post_id], execute=execute)
    return shown.getvalue()


def objects_with(deployed: Deployed, post_id: str) -> set[str]:
    """Every object in which the id can be read, except query results, which expire."""
    s3 = deployed.client("s3")
    return {
        f"{bucket['Name']}/{key}"
        for bucket in s3.list_buckets()["Buckets"]
        for key in deployed.objects(bucket["Name"])
        if not key.startswith(prefixes.QUERY_RESULTS)
        and holds(s3.get_object(Bucket=bucket["Name"], Key=key)["Body"].read(), post_id)
    }


def archived(deployed: Deployed) -> set[str]:
    """Return the post ids in the archive reader's rows."""
    now, bucket = datetime.now(UTC), deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
    hour = timedelta(hours=1)
    rows = archive.read(deployed.client("s3"), bucket, now - hour, now + hour)
    return {row["post_id"] for row in rows}


def settled(deployed: Deployed) -> set[str]:
    """Return the post ids of the settled archive."""
    s3, bucket = deployed.client("s3"), deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
    return {
        post_id
        for key in deployed.objects(bucket, PREDICTIONS.settled)
        for post_id in pq.read_table(
            io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read()), columns=["post_id"]
        )["post_id"].to_pylist()
    }


def test_all_records_of_a_person_with_labelled_posts_are_deleted(
    deployed: Deployed, able: tuple[Target, Policy], tmp_path: Path
) -> None:
    target, _ = able
    theirs = f"person-{uuid.uuid4().hex}"
    (labelled,) = make_posts(1, seed=41)
    post = labelled.post._replace(post_id=theirs)
    deployed.deployment.label([LabelledPost(post, 1)])
    valid = json.dumps({"post_id": theirs, "text": "some words"}).encode()
    invalid = json.dumps({"post_id": theirs, "text": " "}).encode()
    deployed.deployment.send([(theirs, valid), (theirs, invalid)])

    def places() -> set[str]:
        return {place.split("/", 1)[1].split("/")[0] for place in objects_with(deployed, theirs)}

    with deployed.polled_by("RetrainingPromoteFunction", tmp_path):
        eventually(
            "their records",
            lambda: places() >= {"predictions", "quarantine", "aws", "labels"},
        )
    now = datetime.now(UTC)
    deployed.deployment.measure(now - timedelta(minutes=30), now)
    assert theirs in settled(deployed)
    others = archived(deployed) - {theirs}
    dry = run(target, theirs, execute=False)
    assert "to remove it, add --execute" in dry
    assert places() >= {"predictions", "quarantine", "aws", "labels"}
    run(target, theirs)
    assert objects_with(deployed, theirs) == set()
    assert archived(deployed) == others
    assert theirs not in settled(deployed)
    assert f"No records were found for '{theirs}'" in run(target, theirs)


def fill(deployed: Deployed, post_id: str) -> list[tuple[str, str]]:
    """Put a record of theirs, beside another's, wherever there may be one; return the places."""
    s3, outputs = deployed.client("s3"), deployed.stack.outputs
    (labelled,) = make_posts(1, seed=42)
    record = labelled_post_record(labelled)
    lines = [json.dumps(record | {"post_id": name}).encode() for name in (post_id, "other")]
    event = [
        {"kinesis": {"sequenceNumber": str(number), "data": encoded(line)}}
        for number, line in enumerate(lines)
    ]
    batch, alone = (
        {"KinesisBatchInfo": {}, "payload": json.dumps({"Records": records})}
        for records in (event, event[:1])
    )
    entry = {"sequence_number": "1", "payload_base64": encoded(lines[0])}
    several = entry | {"payload_base64": encoded(b"[%s]" % b",".join(lines))}
    parquet = io.BytesIO()
    pq.write_table(pa.table({"post_id": [post_id, "other"]}), parquet)
    objects = (
        ("Archive", "predictions/date=2020-01-01/hour=00/test.jsonl.gz", b"\n".join(lines)),
        ("Archive", "shadow/date=2020-01-01/hour=00/test.jsonl.gz", b"\n".join(lines)),
        ("Archive", "settled/date=2020-01-01/hour=00/test.parquet", parquet.getvalue()),
        ("Archive", "settled-drawn/date=2020-01-01/hour=00/test.parquet", parquet.getvalue()),
        ("Archive", "settled-shadow/date=2020-01-01/hour=00/test.parquet", parquet.getvalue()),
        ("Archive", "backfills/test/part-00000.jsonl.gz", b"\n".join(lines)),
        ("Training", "labels/test.jsonl", b"\n".join(lines)),
        ("Training", "newest-labels/test.parquet", parquet.getvalue()),
        ("Training", "datasets/test/posts.jsonl", b"\n".join(lines)),
        ("Training", "scoring/test.jsonl", b"\n".join(lines)),
        ("Quarantine", "quarantine/date=2020-01-01/test.json", json.dumps(entry).encode()),
        ("Quarantine", "quarantine/date=2020-01-01/several.json", json.dumps(several).encode()),
        ("Quarantine", "aws/lambda/test/mixed", json.dumps(batch).encode()),
        ("Quarantine", "aws/lambda/test/alone", json.dumps(alone).encode()),
    )
    for output, key, body in objects:
        s3.put_object(Bucket=outputs[f"{output}BucketName"], Key=key, Body=body)
    return [(outputs[f"{output}BucketName"], key) for output, key, _ in objects]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_forgetting_needs_each_of_the_documented_permissions(
    deployed: Deployed, able: tuple[Target, Policy]
) -> None:
    target, policy = able

    def attempt() -> None:
        theirs = f"person-{uuid.uuid4().hex}"
        filled = fill(deployed, theirs)
        try:
            run(target, theirs)
        finally:  # queries read what is under a table's prefix
            for bucket, key in filled:
                deployed.client("s3").delete_object(Bucket=bucket, Key=key)

    def is_beyond_forgetting(permission: Permission) -> bool:
        # AWS requires s3:GetObject for `If-Match`, and the emulator does not. In unversioned
        # buckets, as these are, only whole quarantine objects are deleted.
        deletes = permission.action == "s3:DeleteObjectVersion"
        in_quarantine = target.output(stack_outputs.QUARANTINE_BUCKET) in permission.resource
        is_read = permission.action == "s3:GetObject"
        return is_beyond(permission) or is_read or (deletes and not in_quarantine)

    assert not_missed(policy, attempt, is_beyond_forgetting) == []
