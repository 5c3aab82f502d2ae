"""The label queue on moto: the predictor's sample, stored posts, and note in the archive."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from lambdas.predictor.handler import handler, predictor
from stresswatch.contracts.posts import SMOKE_PREFIX, post_record
from stresswatch.contracts.sampling import SampleKind
from stresswatch.serving import label_sampling
from stresswatch.storage import archive, label_queue
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, train_version
from tests.integration.test_predictor import event, failures, payload

POSTS = make_posts(60, seed=9)
PAYLOADS = [payload(post) for post in POSTS]
QUEUE = "label-queue"
WITHIN = 0.4
"""The distance of some of these posts, which are easy for the model, from the threshold."""


@pytest.fixture(autouse=True)
def _cold_start():
    predictor.cache_clear()
    yield
    predictor.cache_clear()


@pytest.fixture
def draws(aws, version_files, monkeypatch):
    """Make a stage sample posts with the given shares; return its resources."""
    aws.promote("v1", version_files)
    aws.s3.create_bucket(Bucket=QUEUE)

    def draw(all_posts, uncertain=0.0):
        monkeypatch.setenv("LABEL_QUEUE_BUCKET", QUEUE)
        monkeypatch.setenv("LABEL_SAMPLE_SHARE", str(all_posts))
        monkeypatch.setenv("UNCERTAIN_SAMPLE_SHARE", str(uncertain))
        predictor.cache_clear()
        return aws

    return draw


def rows(aws):
    now = datetime.now(UTC)
    return archive.read(aws.s3, "archive", now - timedelta(hours=1), now + timedelta(hours=1))


def queued(aws):
    return label_queue.read(aws.s3, QUEUE)


def test_a_sampled_post_is_queued_with_its_prediction(draws):
    aws = draws(1.0)
    assert failures(handler(event(PAYLOADS), CONTEXT)) == []
    assert len(aws.keys(QUEUE)) == 1
    found = {one.post.post_id: one for one in queued(aws)}
    archived = {row["post_id"]: row for row in rows(aws)}
    for labelled in POSTS:
        one, row = found[labelled.post.post_id], archived[labelled.post.post_id]
        assert post_record(one.post) == post_record(labelled.post)
        assert (one.prediction_id, one.probability) == (row["prediction_id"], row["probability"])
        assert (one.model_version, one.predicted_at) == ("v1", row["predicted_at"])


def test_the_archive_records_how_each_post_was_sampled(draws):
    aws = draws(0.3)
    handler(event(PAYLOADS), CONTEXT)
    drawn = {row["prediction_id"] for row in rows(aws) if row["sample"] == SampleKind.RANDOM}
    assert {row["inclusion_probability"] for row in rows(aws)} == {0.3}
    assert 0 < len(drawn) < len(POSTS)
    assert {one.prediction_id for one in queued(aws)} == drawn


def test_a_batch_without_sampled_posts_queues_nothing(draws):
    aws = draws(1e-9)
    handler(event(PAYLOADS), CONTEXT)
    assert aws.keys(QUEUE) == []
    assert {row["sample"] for row in rows(aws)} == {None}


def test_uncertain_posts_are_sampled_with_their_own_share(draws, monkeypatch):
    monkeypatch.setattr("stresswatch.contracts.sampling.UNCERTAIN_WITHIN", WITHIN)
    aws = draws(0.05, 1.0)
    handler(event(PAYLOADS), CONTEXT)
    uncertain = {row["post_id"] for row in rows(aws) if abs(row["probability"] - 0.5) <= WITHIN}
    assert 0 < len(uncertain) < len(POSTS)
    found = queued(aws)
    assert {one.post.post_id for one in found} >= uncertain
    for one in found:
        is_uncertain = one.post.post_id in uncertain
        assert one.draw.inclusion_probability == (1.0 if is_uncertain else 0.05)
        assert is_uncertain or one.draw.sample is SampleKind.RANDOM


def test_a_redelivery_in_other_batches_changes_nothing(draws):
    aws = draws(0.5)
    handler(event(PAYLOADS), CONTEXT)
    before = queued(aws)
    predictor.cache_clear()
    for begin in range(0, len(PAYLOADS), 7):
        handler(event(PAYLOADS[begin : begin + 7], first=1 + begin), CONTEXT)
    assert len(aws.keys(QUEUE)) > 1
    assert queued(aws) == before


def test_a_redelivery_after_a_promotion_keeps_the_first_prediction(draws, tmp_path):
    aws = draws(0.5)
    handler(event(PAYLOADS), CONTEXT)
    before = queued(aws)
    aws.promote("v2", train_version(tmp_path, make_posts(300, seed=8), "v2"))
    predictor.cache_clear()
    handler(event(PAYLOADS), CONTEXT)
    assert len(aws.keys(QUEUE)) == 2
    assert queued(aws) == before
    assert {one.model_version for one in queued(aws)} == {"v1"}


def test_a_batch_that_cannot_be_queued_is_delivered_again(draws, monkeypatch):
    aws = draws(1.0)
    s3 = predictor().sampling.s3
    put = s3.put_object

    def refuse(Bucket, **settings):  # noqa: N803 - boto3's names
        if Bucket == QUEUE:
            raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")
        return put(Bucket=Bucket, **settings)

    monkeypatch.setattr(s3, "put_object", refuse)
    assert failures(handler(event(PAYLOADS), CONTEXT)) == ["1"]
    assert aws.predictions() == []
    monkeypatch.setattr(s3, "put_object", put)
    assert failures(handler(event(PAYLOADS), CONTEXT)) == []
    assert len(queued(aws)) == len(aws.predictions()) == len(POSTS)


def test_smoke_test_posts_are_not_sampled(draws):
    aws = draws(1.0)
    smoke = json.dumps({"post_id": f"{SMOKE_PREFIX}1", "text": "I am so stressed"}).encode()
    handler(event([smoke, PAYLOADS[0]]), CONTEXT)
    assert [one.post.post_id for one in queued(aws)] == [POSTS[0].post.post_id]
    drawable = {row["post_id"]: row["inclusion_probability"] for row in rows(aws)}
    assert drawable == {f"{SMOKE_PREFIX}1": None, POSTS[0].post.post_id: 1.0}


def test_a_stage_without_a_queue_samples_nothing(draws, aws, monkeypatch):
    monkeypatch.setattr(label_sampling, "lots", lambda *_: pytest.fail("a lot was drawn"))
    assert failures(handler(event(PAYLOADS), CONTEXT)) == []
    assert aws.keys(QUEUE) == []
    assert {row["inclusion_probability"] for row in rows(aws)} == {None}


def test_queue_objects_are_included_in_the_objects_put_metric(draws, capsys):
    draws(1.0)
    handler(event([*PAYLOADS, b"{"]), CONTEXT)
    said = map(json.loads, capsys.readouterr().out.splitlines())
    assert [one["ObjectsPut"] for one in said if "ObjectsPut" in one] == [[3.0]]


def test_a_queued_line_that_became_invalid_is_skipped(draws, monkeypatch):
    aws = draws(1.0)
    removed = json.dumps({"post_id": "gone", "text": "words for now"}).encode()
    handler(event([removed, PAYLOADS[0]]), CONTEXT)
    assert len(queued(aws)) == 2
    monkeypatch.setattr("stresswatch.contracts.posts._require_words", lambda _: None)
    monkeypatch.setattr("stresswatch.contracts.posts.MAXIMUM_TEXT_LENGTH", 20)
    assert [one.post.post_id for one in queued(aws)] == ["gone"]
