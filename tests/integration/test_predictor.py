"""The predictor on moto: the effect of a Kinesis event on the streams and buckets."""

import base64
import gzip
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from botocore.exceptions import ClientError

from lambdas.predictor.handler import PartialBatchFailure, handler, logger, predictor
from stresswatch.contracts.identity import text_digest
from stresswatch.contracts.posts import post_record
from stresswatch.storage import archive
from stresswatch.streaming.kinesis_event import read_event
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, IDENTITY_KEY, train_version
from training_jobs.model.dataset import frame, read_dataset
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

POSTS = make_posts(20, seed=9)


@pytest.fixture
def champion(aws, version_files):
    return aws.promote("v1", version_files)


@pytest.fixture(autouse=True)
def _cold_start():
    predictor.cache_clear()
    yield
    predictor.cache_clear()


def payload(labelled) -> bytes:
    return json.dumps(post_record(labelled.post)).encode()


def event(payloads, first=1):
    return {
        "Records": [
            {
                "eventID": f"shardId-000000000000:{number}",
                "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/posts",
                "kinesis": {
                    "partitionKey": "p",
                    "sequenceNumber": str(number),
                    "data": base64.b64encode(data).decode(),
                    "approximateArrivalTimestamp": datetime.now(UTC).timestamp(),
                },
            }
            for number, data in enumerate(payloads, start=first)
        ]
    }


def failures(answer):
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def archive_rows(aws):
    return [
        json.loads(line)
        for key in aws.keys("archive", "predictions/")
        for line in gzip.decompress(aws.body("archive", key)).splitlines()
    ]


def quarantined(aws):
    return [json.loads(aws.body("quarantine", key)) for key in aws.keys("quarantine")]


def test_every_post_has_a_streamed_prediction_and_an_archive_row(aws, champion):
    answer = handler(event([payload(post) for post in POSTS]), CONTEXT)
    assert failures(answer) == []
    predictions = aws.predictions()
    assert [p["post_id"] for p in predictions] == [post.post.post_id for post in POSTS]
    assert {p["model_version"] for p in predictions} == {"v1"}
    rows = archive_rows(aws)
    assert [row["prediction_id"] for row in rows] == [p["prediction_id"] for p in predictions]
    assert [row["probability"] for row in rows] == [p["probability"] for p in predictions]


def test_only_archive_rows_have_the_keyed_digest_of_the_text(aws, champion):
    handler(event([payload(post) for post in POSTS]), CONTEXT)
    assert [row["text_digest"] for row in archive_rows(aws)] == [
        text_digest(IDENTITY_KEY, post.post.text) for post in POSTS
    ]
    assert not any("text_digest" in prediction for prediction in aws.predictions())


def test_a_batch_is_retried_until_the_key_is_available(aws, champion, caplog):
    batch = event([payload(post) for post in POSTS])
    aws.secrets.delete_secret(SecretId="identity", ForceDeleteWithoutRecovery=True)
    assert failures(handler(batch, CONTEXT)) == ["1"]
    assert archive_rows(aws) == aws.predictions() == []
    (cause,) = [entry.cause for entry in caplog.records if entry.message == "partial batch failure"]
    assert cause.startswith("the key of the text digests cannot be read from identity")
    aws.secrets.create_secret(Name="identity", SecretString=IDENTITY_KEY.decode())
    assert failures(handler(batch, CONTEXT)) == []
    assert len(archive_rows(aws)) == len(POSTS)


def test_the_key_is_read_once_per_execution_environment(aws, champion):
    handler(event([payload(POSTS[0])]), CONTEXT)
    aws.secrets.delete_secret(SecretId="identity", ForceDeleteWithoutRecovery=True)
    assert failures(handler(event([payload(POSTS[1])], first=2), CONTEXT)) == []


def test_a_batch_of_only_invalid_records_does_not_need_the_key(aws, champion):
    aws.secrets.delete_secret(SecretId="identity", ForceDeleteWithoutRecovery=True)
    assert failures(handler(event([b"{"]), CONTEXT)) == []


@pytest.mark.parametrize("batch_size", [1, 3, len(POSTS)])
def test_served_probabilities_equal_the_pipelines_for_any_batch_size(aws, tmp_path, batch_size):
    aws.promote("v1", train_version(tmp_path, make_posts(400)))
    learned_from = read_dataset(tmp_path / "v1" / "data" / "train").train
    pipeline = fit_pipeline(learned_from, Hyperparameters())
    for first in range(0, len(POSTS), batch_size):
        batch = POSTS[first : first + batch_size]
        handler(event([payload(post) for post in batch], first=first + 1), CONTEXT)
    served = np.array([prediction["probability"] for prediction in aws.predictions()])
    expected = pipeline.predict_proba(frame(POSTS))[:, 1]
    assert served.shape == expected.shape
    assert np.abs(served - expected).max() <= 1e-9


BAD = {
    "not_utf8": b"\xff\xfe",
    "not_json": b"{",
    "not_an_object": b"[1, 2]",
    "text_missing": b'{"post_id": "a"}',
    "text_removed": b'{"post_id": "a", "text": "[ Removed by Reddit ]"}',
    "text_too_long": json.dumps({"post_id": "a", "text": "w" * 40_001}).encode(),
    "number_not_finite": b'{"post_id": "a", "text": "words", "sentiment": NaN}',
    "number_invalid": b'{"post_id": "a", "text": "words", "sentiment": "0.5"}',
}


@pytest.mark.parametrize(("reason", "data"), BAD.items(), ids=list(BAD))
def test_an_invalid_record_is_quarantined_once_and_others_are_predicted(
    aws, champion, reason, data
):
    batch = event([payload(POSTS[0]), data, payload(POSTS[1])])
    for _ in range(2):  # a redelivery adds nothing
        assert failures(handler(batch, CONTEXT)) == []
    (rejected,) = quarantined(aws)
    assert rejected["reason"] == reason
    assert base64.b64decode(rejected["payload_base64"]) == data
    assert (rejected["shard"], rejected["sequence_number"]) == ("shardId-000000000000", "2")
    neighbours = {POSTS[0].post.post_id, POSTS[1].post.post_id}
    assert {p["post_id"] for p in aws.predictions()} == neighbours


def test_a_batch_of_only_invalid_records_succeeds(aws, champion):
    assert failures(handler(event(BAD.values()), CONTEXT)) == []
    assert sorted(item["reason"] for item in quarantined(aws)) == sorted(BAD)
    assert aws.predictions() == []
    assert archive_rows(aws) == []


def test_posts_with_the_same_post_id_are_each_predicted(aws, champion):
    handler(event([payload(POSTS[0]), payload(POSTS[0])]), CONTEXT)
    first, second = aws.predictions()
    assert first["post_id"] == second["post_id"]
    assert first["prediction_id"] != second["prediction_id"]


def test_an_empty_batch_is_answered(aws):
    assert handler({"Records": []}, CONTEXT) == {"batchItemFailures": []}


def everything_archived(aws):
    start = datetime.now(UTC) - timedelta(hours=1)
    return archive.read(aws.s3, "archive", start, start + timedelta(hours=2))


def test_a_redelivered_batch_has_the_same_ids_and_is_read_once(aws, champion):
    batch = event([payload(post) for post in POSTS])
    handler(batch, CONTEXT)
    handler(batch, CONTEXT)
    ids = [p["prediction_id"] for p in aws.predictions()]
    assert ids[: len(POSTS)] == ids[len(POSTS) :]
    assert [row["prediction_id"] for row in everything_archived(aws)] == sorted(ids[: len(POSTS)])


@pytest.mark.parametrize("redelivered", [slice(0, 3), slice(1, 3)], ids=["whole", "cut anew"])
def test_a_redelivery_after_a_promotion_leaves_the_archive_unchanged(
    aws, champion, version_files, redelivered
):
    batch = event([payload(post) for post in POSTS[:3]])
    handler(batch, CONTEXT)
    before = everything_archived(aws)
    aws.promote("v2", version_files)
    predictor.cache_clear()
    handler({"Records": batch["Records"][redelivered]}, CONTEXT)
    assert everything_archived(aws) == before
    assert {row["model_version"] for row in before} == {"v1"}
    assert {p["model_version"] for p in aws.predictions()} == {"v1", "v2"}


def test_without_a_champion_the_whole_batch_is_retried(aws):
    assert failures(handler(event([payload(POSTS[0]), payload(POSTS[1])]), CONTEXT)) == ["1"]
    assert aws.predictions() == []


@pytest.mark.parametrize("content", [None, b"altered"])
def test_a_model_load_failure_on_a_cold_start_fails_the_batch(aws, champion, content):
    if content is None:
        aws.s3.delete_object(Bucket="models", Key="models/v1/model.npz")
    else:
        aws.put("models", "models/v1/model.npz", content)
    assert failures(handler(event([payload(POSTS[0])]), CONTEXT)) == ["1"]


def test_a_warm_function_follows_promotions_except_altered_models(
    aws, champion, tmp_path, monkeypatch
):
    monkeypatch.setenv("CHAMPION_TTL_SECONDS", "0")
    serve = lambda: handler(event([payload(POSTS[0])]), CONTEXT)  # noqa: E731
    serve()
    aws.promote("v2", train_version(tmp_path, make_posts(300, seed=4), "v2", "v1"))
    serve()
    aws.promote("v3", train_version(tmp_path, make_posts(300, seed=5), "v3", "v2"))
    aws.put("models", "models/v3/model.npz", b"altered")
    serve()
    assert [p["model_version"] for p in aws.predictions()] == ["v1", "v2", "v2"]


def refuse_some(StreamName, Records):  # noqa: N803 - boto3's names
    """A `PutRecords` that always refuses the records with certain keys."""
    return {
        "Records": [
            {"ErrorCode": "InternalFailure"}
            if "refused" in record["PartitionKey"]
            else {"ShardId": "s", "SequenceNumber": "1"}
            for record in Records
        ]
    }


def test_a_batch_fails_from_the_first_undelivered_prediction_on(aws, champion, monkeypatch):
    waits = []
    patient = replace(predictor(), sleep=waits.append)
    records = [
        json.dumps({"post_id": name, "text": "words"}).encode()
        for name in ("taken-1", "taken-2", "refused-3", "taken-4")
    ]
    monkeypatch.setattr(patient.kinesis, "put_records", refuse_some)
    with pytest.raises(PartialBatchFailure, match="1 prediction was refused") as caught:
        patient.process(read_event(event(records)), lambda: 60.0)
    assert caught.value.sequence_number == "3"
    assert len(waits) == 3


@pytest.mark.parametrize("bucket", ["archive", "quarantine"])
def test_an_s3_failure_fails_the_whole_batch(aws, champion, bucket, monkeypatch):
    put = predictor().s3.put_object

    def fail(**arguments):
        if arguments["Bucket"] == bucket:
            raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")
        return put(**arguments)

    monkeypatch.setattr(predictor().s3, "put_object", fail)
    batch = event([payload(POSTS[0]), b"{", payload(POSTS[1])], first=7)
    assert failures(handler(batch, CONTEXT)) == ["7"]


def test_post_text_is_not_logged(aws, champion, capsys):
    logger.handlers[0].setStream(sys.stdout)
    marker = "unmistakablemarker"
    texts = [marker, marker * 4000]
    records = [json.dumps({"post_id": "a", "text": text}).encode() for text in texts]
    handler(event([*records, marker.encode()]), CONTEXT)
    output = capsys.readouterr()
    assert marker not in output.out + output.err
    assert '"rejected"' in output.out


def test_the_counts_are_published_as_metrics(aws, champion, capsys):
    without_numbers = {"post_id": "a", "text": "words", "sentiment": 0.1}
    unreadable = without_numbers | {"created_at": "yesterday", "source": [], "reasons": "true"}
    handler(event([json.dumps(unreadable).encode(), b"{"]), CONTEXT)
    metrics = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    record = json.loads(metrics[-1])
    assert record["PostsRead"] == [2.0]
    assert record["PostsPredicted"] == [1.0]
    assert record["PostsQuarantined"] == [1.0]
    assert record["ValuesImputed"] == [4.0]
    assert record["FieldsDropped"] == [2.0]
    assert record["ObjectsPut"] == [2.0]
    assert record["Stage"] == "dev"


def test_removed_posts_are_counted_apart_from_invalid_ones(aws, champion, capsys):
    removed = json.dumps({"post_id": "a", "text": "[removed]"}).encode()
    handler(event([removed, b"{", removed, payload(POSTS[0])]), CONTEXT)
    metrics = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    record = json.loads(metrics[-1])
    assert (record["PostsRead"], record["PostsPredicted"]) == ([4.0], [1.0])
    assert (record["PostsRemoved"], record["PostsQuarantined"]) == ([2.0], [1.0])
    assert len(quarantined(aws)) == 3


def test_posts_scored_are_counted_per_model_version(aws, champion, capsys):
    handler(event([payload(POSTS[0]), b"{", payload(POSTS[1])]), CONTEXT)
    (scored,) = [
        json.loads(line) for line in capsys.readouterr().out.splitlines() if "PostsScored" in line
    ]
    assert scored["PostsScored"] == [2.0]
    (dimensions,) = scored["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    assert set(dimensions) == {"Stage", "service", "Role", "ModelVersion"}
    assert (scored["Stage"], scored["Role"]) == ("dev", "champion")
    assert scored["ModelVersion"] == champion.version


def test_partial_batch_failures_are_counted_per_code_version(aws, capsys):
    """For a canary: no champion was promoted, and other versions may do better."""
    assert failures(handler(event([payload(POSTS[0])]), CONTEXT)) == ["1"]
    counted = {
        tuple(sorted(record["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0])): record
        for line in capsys.readouterr().out.splitlines()
        if "PartialBatchFailures" in line
        for record in [json.loads(line)]
    }
    by_version = counted.pop(("Stage", "service", "version"))
    assert by_version["PartialBatchFailures"] == [1.0]
    assert (by_version["Stage"], by_version["service"]) == ("dev", "predictor")
    assert by_version["version"] == CONTEXT.function_version
    (of_all,) = counted.values()
    assert of_all["PartialBatchFailures"] == [1.0]
