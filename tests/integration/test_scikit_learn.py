"""Versions that scikit-learn scores: scoring, promotion and rollback."""

import io
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from rich.console import Console

import lambdas.api.handler as api
from cli.backfill.backfill_posts import backfill
from cli.dashboard.page import body
from cli.deployment.client import DeploymentClient
from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.model_versions import Versions
from cli.status.snapshot import take_snapshot
from cli.status.table import status_table
from lambdas.dataset.handler import handler as dataset
from lambdas.gate.handler import handler as gate
from lambdas.predictor.handler import handler as predict
from lambdas.predictor.handler import predictor
from lambdas.promote.handler import handler as promote
from lambdas.scoring import handler as scoring
from lambdas.shadow.handler import handler as shadow
from stresswatch.aws import stack_outputs
from stresswatch.contracts.posts import post_record
from stresswatch.model.scorer import ScorerKind, ScorerNotAllowed
from stresswatch.serving.batch_scoring import parts_of, results_of
from stresswatch.versions.champion import load_model
from stresswatch.versions.model_files import DigestMismatch, verify_model
from tests.conftest import make_posts
from tests.integration.conftest import ACCEPTED, CONTEXT, ENVIRONMENT, request, train_version
from tests.integration.retraining.workflow import DRIFT_ALARM, deliver, gate_event, lines
from tests.integration.test_predictor import archive_rows, event, failures, payload

POSTS = make_posts(20, seed=9)
BATCH = event([payload(post) for post in POSTS])
CACHES = (predictor, api.service, api.manifest_of, scoring._model)


@pytest.fixture(scope="module", params=["gradient-boosting", "perceptron", "sentence-embeddings"])
def second_files(request, tmp_path_factory):
    """The files of a version v2 that arrays cannot score."""
    folder = tmp_path_factory.mktemp("training")
    return train_version(folder, make_posts(300, seed=2), "v2", "v1", pipeline=request.param)


@pytest.fixture(autouse=True)
def _cold_start():
    for cached in CACHES:
        cached.cache_clear()
    yield
    for cached in CACHES:
        cached.cache_clear()


@pytest.fixture
def aws(aws, monkeypatch):
    monkeypatch.setenv("CHAMPION_TTL_SECONDS", "0")
    return aws


@pytest.fixture
def allowed(aws, monkeypatch):
    monkeypatch.setenv("SCORER", ScorerKind.SCIKIT_LEARN)


@pytest.fixture
def base(aws):
    aws.put("training", "datasets/base/posts.jsonl", lines(make_posts(300)))


def expected(pointer):
    served = load_model(boto3.client("s3"), pointer, ScorerKind.SCIKIT_LEARN)
    named = [(post.post.post_id, post.post) for post in POSTS]
    predictions = served.predict(named, datetime.now(UTC))
    return pytest.approx({one.post.post_id: one.probability for one in predictions}, abs=1e-12)


def said(rows):
    return {row["post_id"]: row["probability"] for row in rows}


class TestScorerAllowed:
    pytestmark = pytest.mark.usefixtures("allowed")

    def test_the_predictor_streams_and_archives_predictions(self, aws, second_files):
        pointer = aws.promote("v2", second_files)
        assert failures(predict(BATCH, CONTEXT)) == []
        assert said(aws.predictions()) == expected(pointer) == said(archive_rows(aws))
        assert len({row["word_rarity"] for row in archive_rows(aws)}) > 1

    def test_the_web_service_predicts_without_explanations(self, aws, second_files):
        pointer = aws.promote("v2", second_files)
        asked = [post_record(post.post) | {"reasons": True} for post in POSTS]
        answer = api.handler(request("POST", "/predict", json.dumps(asked)), CONTEXT)
        results = [one["prediction"] for one in json.loads(answer["body"])["results"]]
        assert said(results) == expected(pointer)
        assert {one["reasons"] for one in results} == {"not available"}

    def test_batch_scoring_scores_all_posts(self, aws, second_files):
        pointer = aws.publish("v2", second_files)
        content = b"\n".join(payload(post) for post in POSTS)
        aws.put("training", "scoring/posts.jsonl", content)
        head = aws.s3.head_object(Bucket="training", Key="scoring/posts.jsonl")
        (part,) = parts_of("scoring/posts.jsonl", head["ETag"], len(content), 1_000_000)
        results = results_of("scoring/posts.jsonl", "v2")
        answer = scoring.handler(
            {"part": asdict(part), "results": results, **asdict(pointer)}, CONTEXT
        )
        assert answer == {"posts": len(POSTS), "invalid": 0}

    def test_a_challenger_shadows_a_champion_scored_by_arrays(
        self, aws, version_files, second_files
    ):
        aws.promote("v1", version_files)
        challenger = aws.publish("v2", second_files)
        shadow({**asdict(challenger), "seconds": 3600}, CONTEXT)
        predict(BATCH, CONTEXT)
        assert {one["model_version"] for one in aws.predictions()} == {"v1"}
        assert len(aws.keys("archive", "shadow/")) == 1

    def test_the_gate_compares_it_with_a_champion_scored_by_arrays(
        self, aws, base, version_files, second_files
    ):
        aws.promote("v1", version_files)
        deliver(aws, second_files)
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v2"), CONTEXT)
        checks = {check["name"]: check for check in answer["checks"]}
        assert checks["F1, base holdout"]["champion"] is not None
        assert not checks["scoring time, µs per post"]["applies"]
        assert checks["model size, MB"]["passed"]
        assert "models/v2/model.skops" in aws.keys("models")

    def test_it_is_promoted_and_rolled_back(self, aws, version_files, second_files):
        first = aws.promote("v1", version_files)
        second = aws.publish("v2", second_files)
        verdict = ACCEPTED | {"parent": "v1", **asdict(second)}
        promote({"gate": verdict}, CONTEXT)
        assert aws.pointer() == second
        predict(BATCH, CONTEXT)
        assert Versions(client_of(ScorerKind.SCIKIT_LEARN)).rollback(None, "complaints") == first
        predict(BATCH, CONTEXT)
        served = {one["model_version"] for one in aws.predictions()}
        assert served == {"v1", "v2"}

    def test_historical_posts_are_scored_with_it(self, aws, second_files, tmp_path):
        pointer = aws.publish("v2", second_files)
        source, out = tmp_path / "posts.jsonl", tmp_path / "out.jsonl"
        source.write_bytes(b"".join(payload(post) + b"\n" for post in POSTS))
        backfill(Console(file=io.StringIO()), target(), "v2", source, str(out))
        assert said(map(json.loads, out.read_text().splitlines())) == expected(pointer)

    def test_an_altered_pipeline_fails_to_load(self, aws, second_files):
        pointer = aws.promote("v2", second_files)
        aws.put("models", "models/v2/model.skops", second_files["model.skops"] + b"\0")
        for use in (verify_model, lambda *of: load_model(*of, ScorerKind.SCIKIT_LEARN)):
            with pytest.raises(DigestMismatch, match=r"model\.skops of v2 .* its model\.npz says"):
                use(aws.s3, pointer)
        assert failures(predict(BATCH, CONTEXT)) == ["1"]


class TestScorerNotAllowed:
    def test_it_fails_to_load_and_the_loaded_champion_keeps_serving(
        self, aws, version_files, second_files, caplog
    ):
        aws.promote("v1", version_files)
        predict(BATCH, CONTEXT)
        aws.promote("v2", second_files)
        assert failures(predict(BATCH, CONTEXT)) == []
        assert {one["model_version"] for one in aws.predictions()} == {"v1"}
        (refused,) = [one for one in caplog.records if one.msg == "model load failed"]
        assert "set serving.scorer to scikit-learn" in refused.detail

    def test_the_gate_rejects_it_and_names_the_setting_and_the_step(
        self, aws, base, version_files, second_files
    ):
        aws.promote("v1", version_files)
        deliver(aws, second_files)
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v2"), CONTEXT)
        assert not answer["accepted"]
        (check,) = answer["checks"]
        assert check["name"] == "scorer"
        assert "set serving.scorer to scikit-learn" in check["evidence"]
        assert json.loads(second_files["manifest.json"])["not_exportable"] in check["evidence"]

    def test_an_unscorable_champion_does_not_block_a_challenger(
        self, aws, base, version_files, second_files
    ):
        aws.promote("v2", second_files)
        deliver(aws, version_files)
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1"), CONTEXT)
        assert answer["accepted"]
        assert answer["parent"] == "v2"

    def test_a_rollback_to_it_is_rejected(self, aws, version_files, second_files):
        aws.promote("v2", second_files)
        champion = aws.promote("v1", version_files)
        with pytest.raises(OperatorError) as refused:
            Versions(client_of()).rollback(None, "complaints")
        assert "v2 cannot serve: " in str(refused.value)
        assert "set serving.scorer to scikit-learn" in str(refused.value)
        assert aws.pointer() == champion
        assert aws.journal.barred("v1") is None

    def test_the_status_says_why_the_champion_is_not_served(self, aws, second_files):
        aws.promote("v2", second_files)
        snapshot = take_snapshot(client_of(), "dev", timedelta(hours=1))
        said = snapshot.as_dict()["not_served"]
        assert said.startswith("The champion is not served: the version is scored by scikit-learn")
        assert said in str(body(snapshot))
        shown = io.StringIO()
        Console(file=shown, width=1000).print(status_table(client_of(), "dev"))
        assert said in shown.getvalue()
        allowing = take_snapshot(client_of(ScorerKind.SCIKIT_LEARN), "dev", timedelta(hours=1))
        assert allowing.not_served == ""

    def test_batch_scoring_fails_with_the_setting_to_change(self, aws, second_files):
        pointer = aws.publish("v2", second_files)
        with pytest.raises(ScorerNotAllowed, match=r"set serving\.scorer to scikit-learn"):
            scoring.handler({"part": {}, "results": "", **asdict(pointer)}, CONTEXT)


def target(scorer=ScorerKind.ARRAYS):
    outputs = {
        stack_outputs.MODEL_BUCKET: "models",
        stack_outputs.CHAMPION_PARAMETER: ENVIRONMENT["CHAMPION_PARAMETER"],
        stack_outputs.JOURNAL_TABLE: ENVIRONMENT["JOURNAL_TABLE"],
        stack_outputs.SCORER: scorer,
    }
    return Target("stresswatch-dev", outputs, boto3.client)


def client_of(scorer=ScorerKind.ARRAYS):
    return DeploymentClient(target(scorer))
