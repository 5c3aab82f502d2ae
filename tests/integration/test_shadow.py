"""Shadowing on moto: the output of a challenger beside the champion, and its use."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest

from lambdas.compare.handler import handler as compare
from lambdas.predictor.handler import handler as predict
from lambdas.predictor.handler import predictor
from lambdas.shadow.handler import handler as shadow
from stresswatch.evaluation.splits import split
from stresswatch.storage import archive
from stresswatch.storage.training_sets import given_by, to_lines
from stresswatch.versions.model_files import DigestMismatch
from stresswatch.versions.shadow import ARCHIVE_PREFIX, read_shadow
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, ENVIRONMENT, train_version
from tests.integration.settling import settle_all
from tests.integration.test_predictor import event, payload
from tests.training_sets import content_of

POSTS = make_posts(40, seed=9)
BATCH = event([payload(post) for post in POSTS])


pytestmark = pytest.mark.usefixtures("cold_start")


@pytest.fixture(scope="module")
def challenger_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    return train_version(folder, make_posts(300, seed=2), "v2", "v1")


@pytest.fixture
def challenger(aws, version_files, challenger_files, monkeypatch):
    """v1 serves; v2 is published, and shadows from the time of its start."""
    monkeypatch.setenv("CHAMPION_TTL_SECONDS", "0")
    aws.promote("v1", version_files)
    return aws.publish("v2", challenger_files)


def begin(challenger, seconds=3600):
    return shadow({**vars(challenger), "seconds": seconds}, CONTEXT)


def archived(aws, prefix=archive.PREFIX):
    now = datetime.now(UTC)
    span = timedelta(hours=1)
    return archive.read(aws.s3, "archive", now - span, now + span, prefix=prefix)


def counted(capsys, metric):
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line]
    return [value for entry in logged for value in entry.get(metric, [])]


class TestPredictor:
    def test_challenger_predictions_are_archived_apart_and_not_streamed(self, aws, challenger):
        begin(challenger)
        predict(BATCH, CONTEXT)
        champions, challengers = archived(aws), archived(aws, ARCHIVE_PREFIX)
        assert {row["model_version"] for row in champions} == {"v1"}
        assert {row["model_version"] for row in challengers} == {"v2"}
        assert {row["prediction_id"] for row in champions} == {
            row["prediction_id"] for row in challengers
        }
        assert {one["model_version"] for one in aws.predictions()} == {"v1"}
        assert len(aws.predictions()) == len(POSTS)

    def test_challenger_and_champion_rows_have_the_same_digests(self, aws, challenger):
        begin(challenger)
        predict(BATCH, CONTEXT)
        both = [
            {row["prediction_id"]: row["text_digest"] for row in archived(aws, prefix)}
            for prefix in (archive.PREFIX, ARCHIVE_PREFIX)
        ]
        assert both[0] == both[1]
        assert len(set(both[0].values())) == len(POSTS)

    def test_without_a_challenger_the_shadow_archive_stays_empty(self, aws, challenger):
        predict(BATCH, CONTEXT)
        assert archived(aws, ARCHIVE_PREFIX) == []

    def test_shadowing_stops_when_its_time_is_over(self, aws, challenger):
        begin(challenger, seconds=-60)  # the minute of grace is over as well
        predict(BATCH, CONTEXT)
        assert archived(aws, ARCHIVE_PREFIX) == []

    def test_a_challenger_failure_is_counted_and_the_champion_answers(
        self, aws, challenger, capsys
    ):
        begin(challenger)
        aws.put("models", "models/v2/model.npz", b"altered since")
        assert predict(BATCH, CONTEXT) == {"batchItemFailures": []}
        assert len(aws.predictions()) == len(POSTS)
        assert archived(aws, ARCHIVE_PREFIX) == []
        assert counted(capsys, "ShadowFailures") == [1]

    def test_a_failed_shadow_write_does_not_fail_the_batch(self, aws, challenger, monkeypatch):
        begin(challenger)
        put = predictor().shadow.s3.put_object

        def refuse(**arguments):
            if arguments["Key"].startswith(ARCHIVE_PREFIX):
                raise RuntimeError("whatever")
            return put(**arguments)

        monkeypatch.setattr(predictor().shadow.s3, "put_object", refuse)
        assert predict(BATCH, CONTEXT) == {"batchItemFailures": []}

    def test_shadowing_is_skipped_and_counted_when_time_is_short(self, aws, challenger, capsys):
        begin(challenger)
        predict(BATCH, CONTEXT)
        before = aws.keys("archive", ARCHIVE_PREFIX)
        hurried = SimpleNamespace(**vars(CONTEXT) | {"get_remaining_time_in_millis": lambda: 9_000})
        assert predict(event([payload(make_posts(1, seed=8)[0])]), hurried) == {
            "batchItemFailures": []
        }
        assert aws.keys("archive", ARCHIVE_PREFIX) == before
        assert counted(capsys, "ShadowFailures") == [1]

    def test_shadow_calls_have_one_attempt_and_short_timeouts(self, aws, challenger):
        """Together with the champion's, within the function's own time limit."""
        settings = predictor().shadow.s3.meta.config
        assert settings.retries["total_max_attempts"] == 1
        assert settings.connect_timeout + settings.read_timeout <= 3


class TestBegin:
    def test_the_pointer_names_the_challenger_and_the_end(self, aws, challenger):
        answer = begin(challenger, seconds=3600)
        pointer = read_shadow(aws.ssm, ENVIRONMENT["SHADOW_PARAMETER"])
        assert pointer.pointer == challenger
        start, end = (datetime.fromisoformat(answer[name]) for name in ("start", "end"))
        assert (end - start).total_seconds() == pytest.approx(3600, abs=1)
        assert pointer.until > end

    def test_a_model_altered_after_its_verdict_does_not_shadow(self, aws, challenger):
        aws.put("models", "models/v2/model.npz", b"altered since")
        with pytest.raises(DigestMismatch):
            begin(challenger)
        assert read_shadow(aws.ssm, ENVIRONMENT["SHADOW_PARAMETER"]) is None


class TestCompare:
    def compare(self, parent="v1", basis="champion"):
        now = datetime.now(UTC)
        window = {
            "start": (now - timedelta(minutes=5)).isoformat(),
            "end": (now + timedelta(minutes=1)).isoformat(),
        }
        settle_all(boto3.client("s3"))
        return compare({"version": "v2", "parent": parent, "basis": basis, **window}, CONTEXT)

    def test_the_verdict_is_returned_and_stored_with_the_version(self, aws, challenger):
        begin(challenger)
        predict(BATCH, CONTEXT)
        verdict = self.compare()
        assert (verdict["accepted"], verdict["posts"]) == (True, 40)
        coverage, agreement, _ = verdict["checks"]
        assert coverage["challenger"] == 1.0
        assert agreement["challenger"] > 0.7
        kept = json.loads(aws.body("models", "models/v2/shadow.json"))
        assert kept == json.loads(json.dumps(verdict))

    def label(self, aws, posts):
        lines = to_lines(given_by(posts, datetime.now(UTC)))
        aws.put("training", "labels/a.jsonl", lines)

    def test_labels_of_live_posts_are_joined_by_id_and_text(self, aws, challenger):
        begin(challenger)
        predict(BATCH, CONTEXT)
        edited = [replace(one, post=one.post._replace(text="edited")) for one in POSTS[30:]]
        self.label(aws, POSTS[:30] + edited)
        assert self.compare()["checks"][-1]["applies"]
        self.label(aws, POSTS[:29] + edited)
        assert "29 labelled live posts" in self.compare()["checks"][-1]["evidence"]

    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_training_posts_of_either_version_are_excluded(self, aws, challenger, version):
        begin(challenger)
        predict(BATCH, CONTEXT)
        self.label(aws, POSTS)
        lines = content_of(POSTS)
        aws.put("training", f"datasets/{version}/posts.jsonl", lines)
        left = len(split(POSTS).evaluation)
        assert self.compare()["checks"][-1]["evidence"] == (
            f"{left} labelled live posts, {len(POSTS) - left} training posts excluded, "
            "at least 30 needed"
        )

    def test_a_challenger_without_predictions_is_rejected(self, aws, challenger):
        predict(BATCH, CONTEXT)
        assert not self.compare()["accepted"]

    def test_a_challenger_is_rejected_after_a_rollback_in_between(self, aws, challenger):
        begin(challenger)
        predict(BATCH, CONTEXT)
        verdict = self.compare(parent="v0")
        assert (verdict["accepted"], verdict["posts"]) == (False, 0)
        assert verdict["checks"][0]["evidence"] == "the gate compared it with v0, but v1 serves now"
