"""The training image, run as SageMaker does: its folders, no network, one word, an exit code.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

import json
import subprocess

import pytest

from stresswatch.model.artefact import Artefact
from stresswatch.versions.model_version import Manifest, sha256
from tests.conftest import make_posts
from tests.training_sets import content_of

DOCKERFILE = "training_jobs/model/Dockerfile"
TRAINER = 10001
LONGEST_REASON = 1024

pytestmark = pytest.mark.images


@pytest.fixture(scope="module")
def image(build):
    return build(DOCKERFILE, "training")


def lay_out(prefix, data):
    """The folders that SageMaker's agent mounts, owned by root or by the tests' user."""
    for folder in ("input/config", "input/data/train", "model", "output"):
        (prefix / folder).mkdir(parents=True)
    (prefix / "input/data/train/posts.jsonl").write_bytes(data)
    config = {
        "hyperparameters": {"version": "v1", "k": "5", "seed": "7"},
        "inputdataconfig": {"train": {"TrainingInputMode": "File"}},
        "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1"]},
    }
    for name, content in config.items():
        (prefix / f"input/config/{name}.json").write_text(json.dumps(content))
    return prefix


def train(engine, image, prefix):
    command = engine.run(
        image, "train", options=["--network=none"], volumes={prefix: "/opt/ml"},
        environment={"TRAINING_JOB_NAME": "job"},
    )  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_data_set_becomes_a_version_that_serves(engine, image, tmp_path):
    prefix = lay_out(tmp_path / "ml", content_of(make_posts(400)))
    done = train(engine, image, prefix)
    assert done.returncode == 0, done.stderr
    model = prefix / "model"
    manifest = Manifest.from_bytes((model / "manifest.json").read_bytes())
    assert (manifest.version, manifest.training_job) == ("v1", "job")
    assert {name: sha256((model / name).read_bytes()) for name in manifest.files} == manifest.files
    Artefact.from_bytes((model / "model.npz").read_bytes())
    assert {file.stat().st_uid for file in model.iterdir()} == {TRAINER}
    assert not (prefix / "output" / "failure").exists()


def test_a_data_set_of_no_use_is_a_failure_in_a_sentence_and_no_model(engine, image, tmp_path):
    prefix = lay_out(tmp_path / "ml", b"")
    done = train(engine, image, prefix)
    assert done.returncode == 1
    reason = (prefix / "output" / "failure").read_text()
    assert "has no lines of JSON" in reason
    assert len(reason) <= LONGEST_REASON
    assert list((prefix / "model").iterdir()) == []
