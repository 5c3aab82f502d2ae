"""A running stage's numeric features change under load, as docs/changing-features.md describes.

One feature is added, one removed and one renamed, while producers send posts of both shapes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest

import local
from cli.deployment.consumer import Consumer
from cli.deployment.synthesis import synthesize
from cli.model_versions import Versions
from stresswatch.aws import stack_outputs
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import post_record
from stresswatch.storage import archive, failed_batches, quarantine
from stresswatch.storage.training_sets import BASE_PREFIX
from stresswatch.task.reading import TASK_VARIABLE
from stresswatch.versions.champion import Pointer
from stresswatch.versions.model_version import MANIFEST_FILE, Manifest, sha256
from tests.conftest import make_posts
from tests.e2e.deployed import BASE, Deployed
from tests.e2e.waiting import eventually
from tests.integration.conftest import train_version
from tests.tested_tasks import STRESS

REMOVED, ADDED = "lex_liwc_negemo", "reading_ease"
RENAMED, NEW_NAME = "lex_liwc_Clout", "confidence_of_tone"
BATCH = 20


def changed_task(folder: Path) -> Path:
    """Write the task with changed features."""
    before, *features = STRESS.read_text().split("[[numeric_features]]")
    *features, last = features
    feature, bracket, rest = last.partition("\n# Defaults")
    kept = [one for one in (*features, feature) if f'"{REMOVED}"' not in one]
    added = f'\nname = "{ADDED}"\ndescription = "How easily a text is read"\nunit = ""\n'
    tables = "".join(f"[[numeric_features]]{one}" for one in (*kept, added))
    file = folder / "task.toml"
    file.write_text(f"{before}{tables.replace(RENAMED, NEW_NAME)}{bracket}{rest}")
    return file


def record(labelled: LabelledPost, *, is_new: bool) -> dict[str, object]:
    """Return a post as producers send it before or after the change."""
    fields = post_record(labelled.post)
    if is_new:
        fields.pop(REMOVED, None)
        fields[NEW_NAME] = fields.pop(RENAMED, 0.0)
        fields[ADDED] = 40.0 * labelled.label + len(labelled.post.text) % 20
    return fields


class Stage:
    """A separate stack with a champion, and the posts that it received."""

    def __init__(self, app: Path, folder: Path):
        self._folder = folder / "stack"
        stack = local.up(self._folder, template_directory=app, on_progress=lambda _: None)
        self.deployed = Deployed(stack, app, self._folder)
        self.sent: list[str] = []
        files = train_version(folder, BASE, "v1")
        bucket = self.outputs[stack_outputs.MODEL_BUCKET]
        for name, content in files.items():
            self.deployed.client("s3").put_object(
                Bucket=bucket, Key=f"models/v1/{name}", Body=content
            )
        self.first = Pointer("v1", f"s3://{bucket}/models/v1/", sha256(files["model.npz"]))
        self.deployed.point_to(self.first)

    @property
    def outputs(self) -> dict[str, str]:
        return dict(self.deployed.stack.outputs)

    def deploy(self, app: Path) -> None:
        """Deploy other code to the stack while records wait in its stream."""
        local.down(self._folder)
        port = urlsplit(self.deployed.stack.endpoint).port
        stack = local.up(
            self._folder, template_directory=app, on_progress=lambda _: None, port=port
        )
        changed = stack.outputs.items() ^ self.deployed.stack.outputs.items()
        assert {name for name, _ in changed} == {stack_outputs.TASK_DIGEST}
        self.deployed = Deployed(stack, app, self._folder)

    def send(self) -> None:
        """Send posts of both shapes, in turn."""
        posts = make_posts(BATCH, seed=len(self.sent))
        self.sent += self.deployed.deployment.send(
            [
                (one.post.post_id, json.dumps(record(one, is_new=bool(place % 2))).encode())
                for place, one in enumerate(posts)
            ]
        )

    @contextmanager
    def under_load(self) -> Iterator[None]:
        """Send posts continuously."""
        ends = Event()

        def send() -> None:
            while not ends.wait(1):
                self.send()

        thread = Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            ends.set()
            thread.join()

    def archived(self) -> list[dict[str, object]]:
        now, hour = datetime.now(UTC), timedelta(hours=1)
        bucket = self.outputs[stack_outputs.ARCHIVE_BUCKET]
        return archive.read(self.deployed.client("s3"), bucket, now - hour, now + hour)

    def wait_until_predicted(self) -> None:
        """Wait for the predictions of all posts sent so far, also under load."""
        sent = {*self.sent}

        def is_predicted() -> bool:
            return {row["prediction_id"] for row in self.archived()} >= sent

        eventually("prediction of all that was sent", is_predicted, 120.0)

    def answers_with(self, version: str) -> None:
        """Send posts until a version answers, which predictors load within a minute."""

        def is_answering() -> bool:
            self.send()
            self.wait_until_predicted()
            return self.archived()[-1]["model_version"] == version

        eventually(f"answer of {version}", is_answering, 120.0)

    def features_of(self, version: str) -> Sequence[str]:
        bucket, key = self.outputs[stack_outputs.MODEL_BUCKET], f"models/{version}/{MANIFEST_FILE}"
        content = self.deployed.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return Manifest.from_bytes(content).numeric_features or ()

    def seed(self) -> None:
        """Replace the base data by posts of the new shape."""
        lines = [json.dumps(record(one, is_new=True) | {"label": one.label}) for one in BASE]
        self.deployed.client("s3").put_object(
            Bucket=self.outputs[stack_outputs.TRAINING_BUCKET],
            Key=f"{BASE_PREFIX}posts.jsonl",
            Body="\n".join(lines).encode(),
        )

    def held(self) -> list[str]:
        """Return the quarantined and discarded records."""
        bucket = self.outputs[stack_outputs.QUARANTINE_BUCKET]
        return [
            key
            for prefix in (quarantine.PREFIX, failed_batches.PREFIX)
            for key in self.deployed.objects(bucket, prefix)
        ]


@pytest.fixture
def stage(app: Path, tmp_path: Path) -> Iterator[Stage]:
    try:
        yield Stage(app, tmp_path)
    finally:
        local.down(tmp_path / "stack")


def test_features_change_under_load_without_losing_posts(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(TASK_VARIABLE, str(changed_task(tmp_path)))
        changed = synthesize(tmp_path / "changed")
    stage.send()
    stage.wait_until_predicted()

    stage.send()  # and their predictions are not awaited
    stage.deploy(changed)
    stage.seed()
    before = len(stage.sent)
    with stage.under_load():
        stage.wait_until_predicted()
        assert {row["model_version"] for row in stage.archived()} == {"v1"}
        retraining = stage.deployed.retrain()
        assert retraining["status"] == "SUCCEEDED", retraining["history"]
    assert len(stage.sent) > before + BATCH, "there was no load"
    gate = json.loads(retraining["output"])["gate"]
    assert (gate["accepted"], gate["basis"]) == (True, "common_features"), gate["checks"]
    second = gate["version"]
    assert {ADDED, NEW_NAME} <= {*stage.features_of(second)}
    assert not {REMOVED, RENAMED} & {*stage.features_of(second)}
    stage.answers_with(second)

    deployment = stage.deployed.deployment
    assert Versions(deployment).rollback(None, "it is worse") == stage.first
    stage.answers_with("v1")

    stage.wait_until_predicted()
    rows = stage.archived()
    assert Counter(row["prediction_id"] for row in rows) == Counter(stage.sent)
    consumer = Consumer(deployment.target)
    while consumer.poll():
        pass
    assert consumer.predictions.keys() == {*stage.sent}
    assert stage.held() == []
