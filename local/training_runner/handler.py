"""Run a SageMaker training job on this machine, with the container's entry point as a subprocess.

The event is a request of `CreateTrainingJob`; the answer has the form of `DescribeTrainingJob`. The
container's files are in `container/` beside this file. `/opt/ml` is a temporary folder, which the
entry point gets as `--prefix`.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ENTRY_POINT = "ENTRY_POINT"
"""The variable with the container's command, as JSON."""
CONTAINER_VARIABLES = "CONTAINER_VARIABLES"
"""The variable with the container's own variables on this machine, regardless of the job."""
_LONGEST_REASON = 1024


class TrainingJobFailed(Exception):
    """The container ended with an error, or was stopped; the message is the failure reason."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Run the job; the credentials are those of the function, which has the job's role.

    Raises
    ------
    TrainingJobFailed
    """
    return run_job(event, boto3.client("s3"), Path(__file__).parent / "container")


def run_job(event: Mapping[str, Any], s3: S3Client, container: Path) -> dict[str, Any]:
    """Run the entry point among the container's files, and deliver its model.

    Raises
    ------
    TrainingJobFailed
    """
    started = time.monotonic()
    name = event["TrainingJobName"]
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
        prefix = Path(folder)
        _lay_out(prefix, event, s3)
        _run(prefix, event, container)
        artifact = f"{event['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{name}/output/"
        _deliver(prefix / "model", artifact + "model.tar.gz", s3)
    seconds = math.ceil(time.monotonic() - started)
    return {
        "TrainingJobName": name,
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "ModelArtifacts": {"S3ModelArtifacts": artifact + "model.tar.gz"},
        "TrainingTimeInSeconds": seconds,
        "BillableTimeInSeconds": seconds,
        **{
            field: event[field]
            for field in ("HyperParameters", "InputDataConfig", "OutputDataConfig", "RoleArn")
            if field in event
        },
    }


def _lay_out(prefix: Path, event: Mapping[str, Any], s3: S3Client) -> None:
    """Make the folders that SageMaker mounts at `/opt/ml`, with the channels' files."""
    for folder in ("input/config", "input/data", "model", "output"):
        (prefix / folder).mkdir(parents=True)
    config = prefix / "input" / "config"
    (config / "hyperparameters.json").write_text(json.dumps(event.get("HyperParameters", {})))
    channels = {channel["ChannelName"]: channel for channel in event.get("InputDataConfig", [])}
    (config / "inputdataconfig.json").write_text(json.dumps(channels))
    for name, channel in channels.items():
        target = prefix / "input" / "data" / name
        target.mkdir()
        bucket, key_prefix = _split(channel["DataSource"]["S3DataSource"]["S3Uri"])
        folder = key_prefix.rpartition("/")[0]
        # Without `stresswatch.aws.s3`, which this file's zip does not contain.
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key_prefix):
            for item in page.get("Contents", []):
                file = target / item["Key"].removeprefix(folder).lstrip("/")
                file.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file(bucket, item["Key"], str(file))


def _run(prefix: Path, event: Mapping[str, Any], container: Path) -> None:
    program, *arguments = json.loads(os.environ[ENTRY_POINT])
    command = [
        sys.executable if program in ("python", "python3") else program,
        *arguments,
        "train",
        "--prefix",
        str(prefix),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - the entry point of the stack's own image
            command,
            cwd=container,
            env=_container_environment(event, container),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            timeout=event["StoppingCondition"]["MaxRuntimeInSeconds"],
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TrainingJobFailed(
            f"MaxRuntimeExceeded: the job ran for more than {error.timeout:.0f} s"
        ) from error
    if done.returncode:
        failure = prefix / "output" / "failure"
        reason = failure.read_text()[:_LONGEST_REASON] if failure.exists() else ""
        raise TrainingJobFailed(f"AlgorithmError: {reason}, exit code: {done.returncode}")


def _container_environment(event: Mapping[str, Any], container: Path) -> dict[str, str]:
    """Return a container's variables, without the function's own and without credentials."""
    kept = {
        name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ
    }
    job = {
        "TRAINING_JOB_NAME": event["TrainingJobName"],
        "PYTHONPATH": str(container),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    here = json.loads(os.environ[CONTAINER_VARIABLES])
    return {**kept, **job, **event.get("Environment", {}), **here}


def _deliver(model: Path, uri: str, s3: S3Client) -> None:
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            for path in sorted(model.rglob("*")):
                archive.add(path, arcname=path.relative_to(model), recursive=False)
        file.seek(0)
        bucket, key = _split(uri)
        s3.upload_fileobj(file, bucket, key)


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
