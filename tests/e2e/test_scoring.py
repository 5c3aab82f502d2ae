"""The deployed workflow scores files for an operator with the documented permissions."""

from __future__ import annotations

import gzip
import io
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest
from rich.console import Console

from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.score import scoring_job
from stresswatch.aws import stack_outputs
from stresswatch.contracts.posts import post_record
from stresswatch.versions.champion import read_pointer
from tests.conftest import make_posts
from tests.e2e.deployed import Deployed
from tests.e2e.operators import not_missed, operator
from tests.e2e.policies import Permission, Policy

RECORDS = [post_record(labelled.post) for labelled in make_posts(120, seed=71)]
PART_BYTES = 8_000


@pytest.fixture(scope="module")
def able(deployed: Deployed, retraining: dict[str, Any]) -> Iterator[tuple[Target, Policy]]:
    """The stack, for an operator; parts are small, so a small file has several."""
    with operator(deployed, "score") as (found, policy):
        emulated = replace(policy, permissions=tuple(map(as_emulated, policy.permissions)))
        emulated.put()
        small = {stack_outputs.SCORING_PART_BYTES: str(PART_BYTES)}
        yield replace(found, outputs={**found.outputs, **small}), emulated


@pytest.fixture
def target(able: tuple[Target, Policy]) -> Target:
    return able[0]


def as_emulated(permission: Permission) -> Permission:
    """Allow on everything the actions for a map run: the emulator does not know its resource."""
    is_of_map_run = ":mapRun:" in permission.resource
    return replace(permission, resource="*") if is_of_map_run else permission


def written(folder: Path, suffix: str, posts: int = len(RECORDS)) -> Path:
    """Write posts, and an invalid one, as a file with its own name."""
    file = folder / f"{uuid.uuid4().hex}.{suffix}"
    records = [*RECORDS[:posts], {"post_id": "invalid", "text": " "}]
    if suffix == "jsonl":
        file.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    elif suffix == "csv":
        pd.DataFrame(records).to_csv(file, index=False)
    else:
        pd.DataFrame(records).to_parquet(file)
    return file


def run(
    target: Target,
    address: str,
    version: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    return scoring_job.score(Console(file=io.StringIO()), target, address, version, sleep)


def rows(deployed: Deployed, summary: dict[str, Any]) -> list[dict[str, Any]]:
    bucket, _, key = summary["input"].removeprefix("s3://").partition("/")
    prefix = f"{key}.scored/{summary['model_version']}/part-"
    s3 = deployed.client("s3")
    return [
        json.loads(line)
        for part in deployed.objects(bucket, prefix)
        for line in gzip.decompress(
            s3.get_object(Bucket=bucket, Key=part)["Body"].read()
        ).splitlines()
    ]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_every_post_is_scored_once_and_the_invalid_one_is_counted(
    deployed: Deployed,
    target: Target,
    retraining: dict[str, Any],
    tmp_path: Path,
    suffix: str,
) -> None:
    summary = run(target, str(written(tmp_path, suffix)))
    assert summary["parts"] > 1
    assert (summary["posts"], summary["invalid"]) == (len(RECORDS), {"text_empty": 1})
    assert summary["model_version"] == retraining["gate"]["version"]
    found = rows(deployed, summary)
    assert [row["post_id"] for row in found] == [record["post_id"] for record in RECORDS]
    assert sum(row["stressed"] for row in found) == summary["stressed"]


def test_a_file_in_the_bucket_is_scored_in_place_and_only_once(
    deployed: Deployed, target: Target, tmp_path: Path
) -> None:
    bucket = target.output(stack_outputs.TRAINING_BUCKET)
    key = f"scoring/{uuid.uuid4().hex}/posts.jsonl"
    body = written(tmp_path, "jsonl").read_bytes()
    deployed.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    first = run(target, f"s3://{bucket}/{key}")
    assert first["input"] == f"s3://{bucket}/{key}"
    before = executions(deployed, target)
    assert run(target, f"s3://{bucket}/{key}") == first
    assert executions(deployed, target) == before


def executions(deployed: Deployed, target: Target) -> int:
    machine = target.output(stack_outputs.SCORING_STATE_MACHINE)
    states = deployed.client("stepfunctions")
    return len(states.list_executions(stateMachineArn=machine)["executions"])


def test_failed_parts_are_reported_and_scored_by_another_run(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(written(tmp_path, "jsonl", posts=1))
    pointer = read_pointer(target.client("ssm"), target.output(stack_outputs.CHAMPION_PARAMETER))
    assert pointer
    with monkeypatch.context() as patch:
        altered = replace(pointer, sha256="0" * 64)
        patch.setattr(scoring_job, "read_pointer", lambda *_: altered)
        told = r"1 of 1 parts were not scored: .*the champion pointer says 0000.*; run this again"
        with pytest.raises(OperatorError, match=told):
            run(target, file)
    assert run(target, file)["posts"] == 1


def test_a_file_without_valid_posts_is_rejected(target: Target, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"\.jsonl holds no post"):
        run(target, str(written(tmp_path, "jsonl", posts=0)))


def test_an_interrupted_command_resumes_the_same_run(
    deployed: Deployed, target: Target, tmp_path: Path
) -> None:
    file = str(written(tmp_path, "jsonl"))
    before = executions(deployed, target)
    with pytest.raises(KeyboardInterrupt):
        run(target, file, sleep=interrupt)
    assert run(target, file)["posts"] == len(RECORDS)
    assert executions(deployed, target) == before + 1


def interrupt(_: float) -> NoReturn:
    raise KeyboardInterrupt


def test_a_file_without_read_permission_is_rejected(deployed: Deployed, target: Target) -> None:
    bucket = target.output(stack_outputs.QUARANTINE_BUCKET)
    with pytest.raises(OperatorError, match="You may not read s3://"):
        run(target, f"s3://{bucket}/quarantine/posts.jsonl")


def test_scoring_needs_each_of_the_documented_permissions(
    able: tuple[Target, Policy], retraining: dict[str, Any], tmp_path: Path
) -> None:
    target, policy = able

    def attempt() -> None:
        """Ask for the champion, for a named version, and for one that does not exist."""
        file = str(written(tmp_path, "jsonl", posts=1))
        run(target, file)
        run(target, file, retraining["gate"]["version"])
        with pytest.raises(OperatorError, match="There is no version"):
            run(target, file, "nowhere")

    assert not_missed(policy, attempt) == []
