"""Dataset, gate and promote on moto: the steps of the retraining workflow, in its order."""

import io
import json
import tarfile
from dataclasses import replace

import pytest

from lambdas.dataset.handler import EmptyDataSet
from lambdas.dataset.handler import handler as dataset
from lambdas.gate.handler import handler as gate
from lambdas.promote.handler import ChampionMoved
from lambdas.promote.handler import handler as promote
from stresswatch.champion import DigestMismatch
from stresswatch.posts import post_record
from stresswatch.versions import VERSION_FILES, InvalidModelVersion, sha256
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, train_version

DRIFT_ALARM = {"trigger": "drift_alarm", "reason": "0.6 is over the threshold"}


def lines(posts, **fields):
    records = [post_record(post.post) | {"label": post.label} | fields for post in posts]
    return "".join(json.dumps(record) + "\n" for record in records).encode()


@pytest.fixture
def base(aws):
    aws.put("training", "datasets/base/posts.jsonl", lines(make_posts(300)))


def deliver(aws, files):
    """Store what SageMaker would deliver for a training job."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    aws.put("training", "training-output/job/output/model.tar.gz", buffer.getvalue())


def gate_event(dataset_answer, version):
    return {
        "version": version,
        "dataset_uri": dataset_answer["dataset_uri"],
        "model_artifact_uri": "s3://training/training-output/job/output/model.tar.gz",
    }


class TestDataset:
    def test_base_and_labels_make_one_training_set(self, aws, base):
        fresh = make_posts(30, seed=2)
        aws.put("training", "labels/a.jsonl", lines(fresh, labelled_at="2026-11-23T00:00:00Z"))
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert (answer["posts"], answer["base_posts"], answer["labelled_posts"]) == (330, 300, 30)
        key = answer["dataset_uri"].removeprefix("s3://training/") + "posts.jsonl"
        assert sha256(aws.body("training", key)) == answer["dataset_sha256"]

    def test_the_parent_is_the_champion_and_nothing_before_the_first(
        self, aws, base, version_files
    ):
        assert dataset(DRIFT_ALARM, CONTEXT)["parent"] == ""
        aws.promote("v1", version_files)
        assert dataset(DRIFT_ALARM, CONTEXT)["parent"] == "v1"

    def test_earlier_training_sets_are_not_read_as_data(self, aws, base):
        first = dataset(DRIFT_ALARM, CONTEXT)
        second = dataset(DRIFT_ALARM, CONTEXT)
        assert first["dataset_sha256"] == second["dataset_sha256"]

    def test_no_posts_at_all_is_an_error_that_says_what_to_do(self, aws):
        aws.put("training", "labels/a.jsonl", b"{\n")
        with pytest.raises(EmptyDataSet, match="1 invalid lines; upload a base data set"):
            dataset(DRIFT_ALARM, CONTEXT)


class TestGate:
    def test_a_first_model_is_published_and_accepted(self, aws, base, version_files):
        deliver(aws, version_files)
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1"), CONTEXT)
        assert answer["accepted"]
        assert answer["uri"] == "s3://models/models/v1/"
        assert answer["sha256"] == sha256(version_files["model.npz"])
        published = {key.removeprefix("models/v1/") for key in aws.keys("models")}
        assert published == {*VERSION_FILES, "verdict.json"}
        assert json.dumps(answer)

    def test_the_verdict_stands_beside_the_version(self, aws, base, version_files):
        deliver(aws, version_files)
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1"), CONTEXT)
        verdict = json.loads(aws.body("models", "models/v1/verdict.json"))
        assert verdict == {name: answer[name] for name in ("accepted", "checks", "parent")}

    def test_drift_is_compared_with_the_training_set_of_the_champion(
        self, aws, base, version_files, tmp_path
    ):
        aws.promote("v1", version_files)
        aws.put("training", "datasets/v1/posts.jsonl", lines(make_posts(300)))
        labels = lines(make_posts(400, seed=5), labelled_at="2026-11-23T00:00:00Z")
        aws.put("training", "labels/a.jsonl", labels)
        deliver(aws, train_version(tmp_path, make_posts(300), "v2", "v1"))
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v2"), CONTEXT)
        (gain,) = [one for one in answer["checks"] if one["name"] == "gain on fresh posts"]
        assert 0 < gain["challenger"] < 0.3
        assert 0 < gain["champion"] < 0.3

    def test_a_challenger_is_judged_against_the_champion(self, aws, base, version_files, tmp_path):
        aws.promote("v1", version_files)
        poisoned = [replace(post, label=1 - post.label) for post in make_posts(300, seed=3)]
        deliver(aws, train_version(tmp_path, poisoned, "v2", "v1"))
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v2"), CONTEXT)
        assert not answer["accepted"]
        assert any(check["champion"] is not None for check in answer["checks"])
        assert answer["parent"] == "v1"

    def test_a_retried_gate_finds_its_own_files_and_answers_the_same(
        self, aws, base, version_files
    ):
        deliver(aws, version_files)
        event = gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1")
        assert gate(event, CONTEXT) == gate(event, CONTEXT)

    def test_a_version_is_never_overwritten(self, aws, base, version_files, tmp_path):
        aws.publish("v1", train_version(tmp_path, make_posts(100, seed=8)))
        before = aws.body("models", "models/v1/model.npz")
        deliver(aws, version_files)
        with pytest.raises(InvalidModelVersion, match="exists and differs"):
            gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1"), CONTEXT)
        assert aws.body("models", "models/v1/model.npz") == before

    def test_an_archive_of_another_version_is_refused(self, aws, base, version_files):
        deliver(aws, version_files)
        with pytest.raises(InvalidModelVersion, match="delivered v1, not v9"):
            gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v9"), CONTEXT)
        assert aws.keys("models") == []


class TestPromote:
    def event(self, pointer, parent):
        return {
            "version": pointer.version,
            "uri": pointer.uri,
            "sha256": pointer.sha256,
            "parent": parent,
        }

    def test_the_pointer_moves_to_the_challenger(self, aws, version_files):
        pointer = aws.publish("v1", version_files)
        assert promote(self.event(pointer, ""), CONTEXT) == {"version": "v1", "before": ""}
        assert aws.pointer() == pointer

    def test_a_retried_promotion_changes_nothing(self, aws, version_files):
        pointer = aws.publish("v1", version_files)
        promote(self.event(pointer, ""), CONTEXT)
        promote(self.event(pointer, ""), CONTEXT)
        assert aws.pointer() == pointer

    def test_a_verdict_about_another_champion_promotes_nothing(self, aws, version_files):
        serving = aws.promote("v2", version_files)
        pointer = aws.publish("v1", version_files)
        with pytest.raises(ChampionMoved, match="judged against v0, but v2 serves"):
            promote(self.event(pointer, "v0"), CONTEXT)
        assert aws.pointer() == serving

    def test_a_model_file_that_was_altered_since_the_verdict_is_not_promoted(
        self, aws, version_files
    ):
        pointer = aws.publish("v1", version_files)
        aws.put("models", "models/v1/model.npz", b"altered")
        with pytest.raises(DigestMismatch):
            promote(self.event(pointer, ""), CONTEXT)
        assert aws.pointer() is None
