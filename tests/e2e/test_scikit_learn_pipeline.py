"""A scikit-learn pipeline replaces arrays, and arrays replace it again.

The stage allows scikit-learn. Gradient-boosted trees are trained, judged and promoted, and score
streamed posts: see "Pipelines" and "Scorers" in docs/model.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import local
from cli.deployment.client import payload
from cli.deployment.consumer import Consumer
from cli.deployment.target import APP_DIRECTORY, LOCAL_DIRECTORY
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import Location, read
from stresswatch.model.scorer import ScorerKind
from stresswatch.storage.training_sets import to_lines
from stresswatch.versions.champion import Pointer, load_model
from stresswatch.versions.model_version import MANIFEST_FILE, Manifest, sha256
from tests.conftest import make_posts
from tests.e2e.deployed import BASE, Deployed
from tests.e2e.newcomer import LONGEST_SECONDS, Newcomer
from tests.e2e.waiting import eventually
from tests.integration.conftest import train_version

UP = "stresswatch up --set serving.scorer=scikit-learn --set retraining.pipeline=gradient-boosting"
POSTS = make_posts(60, seed=4)


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Newcomer]:
    found = Newcomer(tmp_path)
    yield found
    found.type("stresswatch down")


@pytest.fixture
def deployed(operator: Newcomer) -> Deployed:
    """A stage that allows scikit-learn."""
    operator.type(UP)
    folder = operator.folder / LOCAL_DIRECTORY
    stack = local.running(folder)
    assert stack
    return Deployed(stack, operator.folder / APP_DIRECTORY, folder)


@pytest.fixture
def arrays(deployed: Deployed, tmp_path: Path) -> Pointer:
    """The champion: arrays trained on flipped labels, so that any other model is better."""
    bucket = deployed.stack.outputs[stack_outputs.MODEL_BUCKET]
    flipped = [replace(one, label=1 - one.label) for one in make_posts(60, seed=5)]
    files = train_version(tmp_path, flipped, "v1")
    for name, content in files.items():
        deployed.client("s3").put_object(Bucket=bucket, Key=f"models/v1/{name}", Body=content)
    pointer = Pointer("v1", f"s3://{bucket}/models/v1/", sha256(files["model.npz"]))
    deployed.point_to(pointer)
    return pointer


def answers(deployed: Deployed, version: str) -> dict[str, float]:
    """Stream posts until a version predicts all of them; return their probabilities."""
    consumer = Consumer(deployed.deployment.target)

    def predicted() -> dict[str, float] | None:
        sent = deployed.deployment.send([payload(post) for post in POSTS])

        def all_predicted() -> bool:
            consumer.poll()
            return consumer.predictions.keys() >= {*sent}

        eventually("prediction of every post", all_predicted, LONGEST_SECONDS)
        found = [consumer.predictions[id_] for id_ in sent]
        served = {one["model_version"] for one in found} == {version}
        return {one["post_id"]: one["probability"] for one in found} if served else None

    return eventually(f"answer of {version}", predicted, LONGEST_SECONDS)


def expected(deployed: Deployed, pointer: Pointer) -> dict[str, float]:
    served = load_model(deployed.client("s3"), pointer, ScorerKind.SCIKIT_LEARN)
    named = [(labelled.post.post_id, labelled.post) for labelled in POSTS]
    return {one.post.post_id: one.probability for one in served.predict(named, datetime.now(UTC))}


def test_a_scikit_learn_model_is_promoted_served_and_rolled_back(
    operator: Newcomer, deployed: Deployed, arrays: Pointer
) -> None:
    assert answers(deployed, "v1") == pytest.approx(expected(deployed, arrays), abs=1e-12)

    (operator.folder / "train.jsonl").write_bytes(to_lines(BASE))
    operator.type("stresswatch seed --local train.jsonl")
    said = operator.type("stresswatch retrain --local --wait --force")
    assert "it is the champion now" in said, said
    second = deployed.deployment.champion()
    assert second
    manifest = Manifest.from_bytes(
        read(deployed.client("s3"), Location.parse(second.uri) / MANIFEST_FILE)
    )
    assert manifest.scorer is ScorerKind.SCIKIT_LEARN
    assert (manifest.hyperparameters["pipeline"], manifest.parent) == ("gradient-boosting", "v1")
    probabilities = answers(deployed, second.version)
    assert probabilities == pytest.approx(expected(deployed, second), abs=1e-12)
    assert second.version in operator.type("stresswatch status --local")

    said = operator.type("stresswatch rollback --local --why 'it costs more'")
    assert "v1 serves again" in said
    assert answers(deployed, "v1") == pytest.approx(expected(deployed, arrays), abs=1e-12)
