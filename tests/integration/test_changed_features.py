"""A stage whose posts have other numeric features than its champion's training set, on moto."""

import gzip
import io
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import boto3
import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import lambdas.api.handler as api
from cli.dashboard.page import body
from cli.deployment.client import DeploymentClient
from cli.deployment.target import Target
from cli.model_versions import Versions
from cli.status.snapshot import take_snapshot
from cli.status.table import status_table
from lambdas.dataset.handler import handler as dataset
from lambdas.gate.handler import handler as gate
from lambdas.predictor.handler import handler as predictor
from lambdas.scoring.handler import _model
from lambdas.scoring.handler import handler as scoring
from stresswatch.aws import stack_outputs
from stresswatch.contracts.posts import NUMERIC_FEATURES, post_record
from stresswatch.model.artefact import Artefact
from stresswatch.retraining.run_report import describe
from stresswatch.serving.batch_scoring import parts_of, results_of
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, ENVIRONMENT, request, train_version
from tests.integration.retraining.workflow import DRIFT_ALARM, deliver, gate_event, lines
from tests.integration.settling import settle_all
from tests.integration.test_predictor import event
from tests.integration.workflow import measure
from tests.other_features import ADDED, OTHER_FEATURES, REMOVED, predicting, with_other_features

POSTS = make_posts(100, seed=7)
CHANGE = (
    f"The champion was trained for another task: it reads {REMOVED}, which posts no longer have, "
    f"and it lacks {ADDED}, which posts have."
)


@pytest.fixture(autouse=True)
def _cold(cold_start):
    for cached in (api.service, api.manifest_of):
        cached.cache_clear()
    yield
    for cached in (api.service, api.manifest_of):
        cached.cache_clear()


@pytest.fixture
def champion(aws, version_files):
    return aws.promote("v1", with_other_features(version_files))


def record(post, *, is_new):
    """Return a post as producers send it before or after the change."""
    fields = post_record(post)
    if not is_new:
        fields[REMOVED] = fields.pop(ADDED, 0.0)
    return json.dumps(fields).encode()


def expected(version_files, posts):
    """Return the champion's prediction, which imputes the feature that posts lack."""
    numbers = np.array([(np.nan, *labelled.post.numbers[1:]) for labelled in posts])
    texts = [labelled.post.text for labelled in posts]
    return Artefact.from_bytes(version_files["model.npz"]).score(texts, numbers).probability


class TestPredictor:
    def test_posts_with_old_and_new_features_are_each_predicted_once(
        self, aws, champion, version_files
    ):
        records = [record(one.post, is_new=place % 2) for place, one in enumerate(POSTS)]
        assert predictor(event(records), CONTEXT) == {"batchItemFailures": []}
        predictions = {one["post_id"]: one["probability"] for one in aws.predictions()}
        assert list(predictions) == [labelled.post.post_id for labelled in POSTS]
        assert list(predictions.values()) == pytest.approx(expected(version_files, POSTS))
        assert aws.keys("quarantine") == []

    def test_the_log_names_the_cause_and_the_fix(self, aws, champion, caplog):
        predictor(event([record(POSTS[0].post, is_new=True)]), CONTEXT)
        (told,) = [one for one in caplog.records if one.message == "champion_of_another_task"]
        assert told.levelname == "WARNING"
        assert told.detail.startswith(CHANGE)
        assert "stresswatch retrain --force" in told.detail

    def test_a_champion_that_predicts_another_label_is_not_served(self, aws, version_files, caplog):
        aws.promote("v1", predicting("helpful", version_files))
        (given_back,) = predictor(event([record(POSTS[0].post, is_new=True)]), CONTEXT)[
            "batchItemFailures"
        ]
        assert given_back
        (cause,) = [
            entry.cause for entry in caplog.records if entry.message == "partial batch failure"
        ]
        assert (
            "trained for another task: it predicts helpful, not stressed (stressed or not stressed)"
            in cause
        )
        assert "stresswatch retrain --force" in cause
        assert aws.predictions() == aws.keys("quarantine") == []


class TestArchive:
    def test_rows_of_an_earlier_release_settle_with_current_features(self, aws, champion):
        predictor(event([record(POSTS[0].post, is_new=True)]), CONTEXT)
        (key,) = aws.keys("archive", "predictions/")
        (line,) = gzip.decompress(aws.body("archive", key)).splitlines()
        row = json.loads(line)
        # Written by a release whose contract had the other feature.
        earlier = {REMOVED if name == ADDED else name: row[name] for name in row}
        aws.put("archive", key, gzip.compress(json.dumps(earlier).encode() + b"\n"))
        settle_all(aws.s3)
        (settled,) = aws.keys("archive", "settled/")
        (known,) = pq.read_table(io.BytesIO(aws.body("archive", settled))).to_pylist()
        assert known["prediction_id"] == row["prediction_id"]
        assert known[ADDED.lower()] is None
        assert REMOVED not in known


class TestDrift:
    def test_common_features_are_compared_and_the_rest_is_listed(self, aws, champion):
        predictor(event([record(one.post, is_new=True) for one in POSTS]), CONTEXT)
        now = datetime.now(UTC)
        start = now.replace(minute=0, second=0, microsecond=0)
        answer = measure(
            {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
        )
        assert answer["status"] == "measured"
        assert set(answer["left_out"]) == {ADDED, REMOVED}
        assert not {ADDED, REMOVED} & {*answer["features"], *answer["failed"]}
        page = aws.body("archive", answer["report"].removeprefix("s3://archive/")).decode()
        assert f"{REMOVED} (posts no longer have them)" in page


class TestGate:
    @pytest.fixture(autouse=True)
    def _base(self, aws):
        aws.put("training", "datasets/base/posts.jsonl", lines(make_posts(400)))

    @pytest.fixture
    def challenger(self, aws, tmp_path):
        deliver(aws, train_version(tmp_path, make_posts(400), "v2", "v1"))

    def judge(self):
        return gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v2"), CONTEXT)

    def test_a_model_for_the_current_features_is_accepted(self, aws, champion, challenger):
        answer = self.judge()
        assert (answer["accepted"], answer["basis"]) == (True, "common_features")
        report = describe({"gate": answer})
        assert f"The gate, against v1:\n{CHANGE} The champion reads the common features" in report

    @pytest.mark.parametrize(
        "incomparable",
        [
            lambda files: files | {"model.npz": b"of a release that is gone"},
            lambda files: predicting("helpful", files),
        ],
        ids=["cannot be read", "predicts another label"],
    )
    def test_a_challenger_of_an_incomparable_champion_is_judged_alone(
        self, aws, version_files, challenger, monkeypatch, incomparable
    ):
        for name in ("SHADOW_SECONDS", "PROBATION_SECONDS"):
            monkeypatch.setenv(name, "60")
        aws.promote("v1", incomparable(version_files))
        answer = self.judge()
        assert (answer["accepted"], answer["basis"]) == (True, "alone")
        assert answer["parent"] == "v1"
        assert "cannot be compared, so only the challenger was judged" in answer["remark"]
        # Live posts would give no comparison either.
        assert (answer["shadow_seconds"], answer["probation_seconds"]) == (0, 0)


class TestOperator:
    @pytest.fixture
    def deployment(self):
        outputs = {
            stack_outputs.MODEL_BUCKET: "models",
            stack_outputs.CHAMPION_PARAMETER: ENVIRONMENT["CHAMPION_PARAMETER"],
            stack_outputs.JOURNAL_TABLE: ENVIRONMENT["JOURNAL_TABLE"],
            stack_outputs.SCORER: ENVIRONMENT["SCORER"],
        }
        return DeploymentClient(Target("stresswatch-dev", outputs, boto3.client))

    def test_the_status_names_the_cause_and_the_fix(self, aws, champion, deployment):
        snapshot = take_snapshot(deployment, "dev", timedelta(hours=1))
        told = snapshot.as_dict()["task_change"]
        assert (told["removed"], told["added"]) == ((REMOVED,), (ADDED,))
        assert told["advice"].startswith(CHANGE)
        shown = io.StringIO()
        Console(file=shown, width=1000).print(status_table(deployment, "dev"))
        assert told["advice"] in shown.getvalue()
        page = str(body(snapshot))
        assert told["advice"] in page

    def test_a_rollback_restores_a_version_with_earlier_features(
        self, aws, champion, deployment, version_files
    ):
        aws.promote("v2", version_files)
        assert Versions(deployment).rollback(None, "complaints") == champion
        predictor(event([record(POSTS[0].post, is_new=True)]), CONTEXT)
        (said,) = aws.predictions()
        assert said["model_version"] == "v1"
        assert said["probability"] == pytest.approx(expected(version_files, POSTS[:1])[0])


class TestBatchScoring:
    def test_a_champion_with_other_features_scores_a_file(self, aws, champion, version_files):
        _model.cache_clear()
        key = "scoring/posts.jsonl"
        aws.put("training", key, b"\n".join(record(one.post, is_new=True) for one in POSTS))
        head = aws.s3.head_object(Bucket="training", Key=key)
        (part,) = parts_of(key, head["ETag"], head["ContentLength"], 1_000_000)
        results = results_of(key, "v1")
        scoring({"part": asdict(part), "results": results, **asdict(champion)}, CONTEXT)
        (scored,) = aws.keys("training", f"{results}part-")
        rows = map(json.loads, gzip.decompress(aws.body("training", scored)).splitlines())
        assert [row["probability"] for row in rows] == pytest.approx(expected(version_files, POSTS))


class TestWebService:
    def ask(self, method, path, body=None):
        answer = api.handler(request(method, path, body), CONTEXT)
        return json.loads(answer["body"])

    def test_it_predicts_and_describes_the_changed_features(self, aws, champion, version_files):
        said = self.ask("POST", "/predict", record(POSTS[0].post, is_new=True).decode())
        assert said["probability"] == pytest.approx(expected(version_files, POSTS[:1])[0])
        described = self.ask("GET", "/model")
        assert described["trained_for"] == list(OTHER_FEATURES)
        assert described["posts_have"] == list(NUMERIC_FEATURES)
        assert described["notice"] == CHANGE

    def test_a_model_for_the_current_features_has_no_notice(self, aws, version_files):
        aws.promote("v1", version_files)
        described = self.ask("GET", "/model")
        assert described["notice"] is None
        assert described["trained_for"] == described["posts_have"]
