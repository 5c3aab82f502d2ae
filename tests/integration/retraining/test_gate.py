"""The workflow's gate on moto: a version is published and judged."""

import json
import random
from dataclasses import replace

import pytest

from lambdas.dataset.handler import handler as dataset
from lambdas.gate.handler import handler as gate
from stresswatch.versions.model_version import VERSION_FILES, InvalidModelVersion, sha256
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, train_version
from tests.integration.retraining.workflow import DRIFT_ALARM, deliver, gate_event, lines, values


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

    def test_a_model_of_random_labels_with_duplicate_texts_is_rejected(self, aws, tmp_path):
        chance = random.Random(1)
        guessed = [replace(post, label=chance.randint(0, 1)) for post in make_posts(600)]
        posts = [
            replace(post, post=post.post._replace(post_id=f"{post.post.post_id}-{copy}"))
            for post in guessed
            for copy in ("a", "b")
        ]
        aws.put("training", "datasets/base/posts.jsonl", lines(posts))
        files = train_version(tmp_path, posts, "v1")
        deliver(aws, files)
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1"), CONTEXT)
        assert not answer["accepted"]
        metrics = json.loads(files["evaluation.json"])["overall"]
        assert metrics["posts"] > 20
        assert metrics["roc_auc"] < 0.75

    def test_the_verdict_is_stored_with_the_version(self, aws, base, version_files):
        deliver(aws, version_files)
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1"), CONTEXT)
        verdict = json.loads(aws.body("models", "models/v1/verdict.json"))
        assert verdict == {name: answer[name] for name in verdict}

    def test_a_verdict_and_its_training_time_are_counted_once(
        self, aws, base, version_files, capsys
    ):
        deliver(aws, version_files)
        event = gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1")
        capsys.readouterr()
        gate(event, CONTEXT)
        gate(event, CONTEXT)  # a retry
        logged = capsys.readouterr().out
        assert values(logged, "ChallengersAccepted") == [1.0]
        assert values(logged, "ChallengersRejected") == [0.0]
        assert values(logged, "TrainingSeconds") == [90.0]

    def test_drift_is_measured_against_the_champions_training_set(
        self, aws, base, version_files, tmp_path
    ):
        aws.promote("v1", version_files)
        aws.put("training", "datasets/v1/posts.jsonl", lines(make_posts(300)))
        labels = lines(make_posts(400, seed=5), labelled_at="2026-11-23T00:00:00Z")
        aws.put("training", "labels/a.jsonl", labels)
        deliver(aws, train_version(tmp_path, make_posts(300), "v2", "v1"))
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v2"), CONTEXT)
        (gain,) = [one for one in answer["checks"] if "distance to training posts" in one["name"]]
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

    def test_the_rollback_target_of_a_probation_is_the_judged_champion(
        self, aws, base, version_files, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("PROBATION_SECONDS", "60")
        champion = aws.promote("v1", version_files)
        deliver(aws, train_version(tmp_path, make_posts(300), "v2", "v1"))
        event = gate_event(dataset(DRIFT_ALARM, CONTEXT), "v2")
        answer = gate(event, CONTEXT)
        assert (answer["probation_seconds"], answer["champion"]) == (60, vars(champion))
        aws.promote("v3", version_files)
        retried = gate(event, CONTEXT)
        assert (retried["probation_seconds"], retried["champion"]) == (0, None)

    def test_the_first_champion_skips_probation(self, aws, base, version_files, monkeypatch):
        monkeypatch.setenv("PROBATION_SECONDS", "60")
        deliver(aws, version_files)
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1"), CONTEXT)
        assert (answer["probation_seconds"], answer["champion"]) == (0, None)

    def test_a_retried_gate_gives_the_same_answer(self, aws, base, version_files):
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

    def test_a_model_archive_of_another_version_is_rejected(self, aws, base, version_files):
        deliver(aws, version_files)
        with pytest.raises(InvalidModelVersion, match="produced v1, not v9"):
            gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v9"), CONTEXT)
        assert aws.keys("models") == []
