"""The stand-in for SageMaker training jobs, with small containers."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.training_runner import handler as runner

REQUEST = {
    "TrainingJobName": "v1",
    "RoleArn": "arn:aws:iam::000000000000:role/training",
    "HyperParameters": {"k": "5"},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://training/datasets/v1/"}
            },
        }
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://training/training-output/"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
TRAINS = """
import json, os, sys
from pathlib import Path
assert sys.argv[1:3] == ["train", "--prefix"], sys.argv
prefix = Path(sys.argv[3])
model = {
    "parameters": json.loads((prefix / "input/config/hyperparameters.json").read_text()),
    "posts": (prefix / "input/data/train/posts.jsonl").read_text(),
    "deep": (prefix / "input/data/train/deep/more.jsonl").read_text(),
    "job": os.environ["TRAINING_JOB_NAME"],
    "credentials": [name for name in os.environ if name.startswith("AWS_")],
    "mlflow": os.environ.get("MLFLOW_TRACKING_URI"),
}
(prefix / "model" / "model.json").write_text(json.dumps(model))
"""
FAILS = """
import sys
from pathlib import Path
(Path(sys.argv[3]) / "output" / "failure").write_text("There is nothing to train on.")
sys.exit(1)
"""
HANGS = "import time\ntime.sleep(60)\n"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="training")
        for name in ("posts.jsonl", "deep/more.jsonl"):
            client.put_object(Bucket="training", Key=f"datasets/v1/{name}", Body=name.encode())
        client.put_object(Bucket="training", Key="datasets/v10/posts.jsonl", Body=b"another")
        yield client


@pytest.fixture
def run(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(program: str, here: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
        (tmp_path / "train.py").write_text(program)
        monkeypatch.setenv("ENTRY_POINT", json.dumps(["python", "train.py"]))
        monkeypatch.setenv("CONTAINER_VARIABLES", json.dumps(here or {}))
        return runner.run_job(REQUEST | changes, s3, tmp_path)

    return run


def test_the_answer_has_the_shape_of_describe_training_job(run: Any) -> None:
    answer = run(TRAINS)
    assert answer["TrainingJobName"] == "v1"
    assert answer["TrainingJobStatus"] == "Completed"
    assert answer["BillableTimeInSeconds"] >= 1
    assert answer["HyperParameters"] == {"k": "5"}
    assert answer["ModelArtifacts"] == {
        "S3ModelArtifacts": "s3://training/training-output/v1/output/model.tar.gz"
    }


def test_the_container_gets_data_and_parameters_but_no_credentials(run: Any, s3: Any) -> None:
    run(TRAINS)
    assert delivered(s3) == {
        "parameters": {"k": "5"},
        "posts": "posts.jsonl",
        "deep": "deep/more.jsonl",
        "job": "v1",
        "credentials": [],
        "mlflow": None,
    }


def delivered(s3: Any) -> Any:
    """Return the only file in the model folder, written by the container."""
    answer = s3.get_object(Bucket="training", Key="training-output/v1/output/model.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(answer["Body"].read())) as archive:
        assert archive.getnames() == ["model.json"]
        file = archive.extractfile("model.json")
        assert file
        return json.load(file)


def test_a_job_is_tracked_by_local_mlflow_instead_of_the_stages(run: Any, s3: Any) -> None:
    stage = {"MLFLOW_TRACKING_URI": "https://mlflow.example.org"}
    for here in ("", "sqlite:///mlflow.db"):
        run(TRAINS, here={"MLFLOW_TRACKING_URI": here}, Environment=stage)
        assert delivered(s3)["mlflow"] == here


def test_a_failing_container_fails_the_job_with_its_reason(run: Any, s3: Any) -> None:
    with pytest.raises(
        runner.TrainingJobFailed,
        match=r"AlgorithmError: There is nothing to train on\., exit code: 1",
    ):
        run(FAILS)
    listed = s3.list_objects_v2(Bucket="training", Prefix="training-output/")
    assert listed["KeyCount"] == 0


def test_a_silent_failing_container_fails_the_job_with_its_exit_code(run: Any) -> None:
    with pytest.raises(runner.TrainingJobFailed, match="exit code: 7"):
        run("import sys\nsys.exit(7)\n")


def test_a_container_that_exceeds_its_time_limit_is_stopped(run: Any) -> None:
    with pytest.raises(runner.TrainingJobFailed, match="MaxRuntimeExceeded"):
        run(HANGS, StoppingCondition={"MaxRuntimeInSeconds": 0.2})
