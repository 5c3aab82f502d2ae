"""The quality function on moto: metrics from labels and predictions in S3."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest

from lambdas.quality.handler import handler
from stresswatch.aws.identifiers import METRIC_DIMENSION
from stresswatch.contracts.identity import KeyUnavailable, identity_key, text_digest
from stresswatch.contracts.labelled_posts import labelled_post_record
from stresswatch.contracts.predictions import ReadText, Record
from stresswatch.evaluation.splits import split
from stresswatch.model.artefact import Artefact
from stresswatch.model.predict import predict
from stresswatch.monitoring.window_metrics import RefusedMetrics
from stresswatch.storage import archive
from stresswatch.text.normalisation import normalise
from tests import strict_calls
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, IDENTITY_KEY
from tests.integration.settling import settle_all
from tests.training_sets import content_of

NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
WINDOW = {"end": NOW.isoformat()}
POSTS = make_posts(120, seed=3)


@pytest.fixture(autouse=True)
def _cold_start():
    identity_key.cache_clear()
    yield
    identity_key.cache_clear()


@pytest.fixture
def champion(aws, version_files):
    return aws.promote("v1", version_files)


@pytest.fixture
def serve(aws, version_files):
    """Archive predictions of posts, an hour before the window's end."""

    def put(posts, version="v1", at=NOW - timedelta(hours=1), key=IDENTITY_KEY):
        records = [
            Record(b"", "posts", version, f"{at:%d}{number:06}", at.timestamp())
            for number in range(len(posts))
        ]
        batch = [
            (record.prediction_id, labelled.post)
            for record, labelled in zip(records, posts, strict=True)
        ]
        artefact = Artefact.from_bytes(version_files["model.npz"])
        texts = [
            ReadText(normalise(post.text), text_digest(key, post.text) if key else None)
            for _, post in batch
        ]
        predictions = predict(batch, artefact, version, at.isoformat(), read_texts=texts)
        archive.write(aws.s3, "archive", records, predictions)
        settle_all(aws.s3)

    return put


def label(aws, posts, name="a", at=NOW):
    labelled = [replace(post, labelled_at=at.isoformat()) for post in posts]
    body = "".join(json.dumps(labelled_post_record(post)) + "\n" for post in labelled)
    aws.put("training", f"labels/{name}.jsonl", body.encode())


def train_on(aws, posts, version="v1"):
    aws.put("training", f"datasets/{version}/posts.jsonl", content_of(posts))


def learned(posts):
    return split(posts).train


def published(metric, **dimensions):
    named = {"Stage": "dev", **dimensions}
    found = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="Stresswatch",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in named.items()],
        StartTime=NOW,
        EndTime=NOW + timedelta(minutes=1),
        Period=60,
        Statistics=["Maximum"],
    )
    return [point["Maximum"] for point in found["Datapoints"]]


def test_labelled_posts_are_measured_and_the_metrics_published(aws, champion, serve):
    posts = [replace(post, post=post.post._replace(source=None)) for post in POSTS]
    serve(posts)
    label(aws, posts)
    answer = handler(WINDOW, CONTEXT)
    assert (answer["status"], answer["labelled_posts"]) == ("measured", 120)
    assert answer["overall"]["f1"] > 0.7
    low, high = answer["overall"]["intervals"]["f1"]
    assert published("F1") == [pytest.approx(answer["overall"]["f1"])]
    assert published("F1LowerBound") == [pytest.approx(low)]
    assert published("F1UpperBound") == [pytest.approx(high)]
    assert published("LabelledPosts") == [120]


def test_a_community_is_a_dimension_of_the_metrics(aws, champion, serve):
    serve(POSTS)
    label(aws, POSTS)
    communities = handler(WINDOW, CONTEXT)["communities"]
    assert set(communities) == {"anxiety", "ptsd"}
    for name, figures in communities.items():
        assert published("F1", Community=name) == [pytest.approx(figures["f1"])]


def test_each_measurement_is_stored_without_ids_or_texts(aws, champion, serve):
    serve(POSTS)
    label(aws, POSTS)
    answer = handler(WINDOW, CONTEXT)
    (key,) = aws.keys("archive", "quality/")
    assert key == f"quality/{NOW:%Y-%m-%dT%H%M%S}-v1.json"
    kept = aws.body("archive", key).decode()
    assert json.loads(kept) == json.loads(json.dumps(answer))
    assert not [post for post in POSTS if post.post.post_id in kept or post.post.text in kept]


def test_a_late_run_measures_up_to_its_scheduled_time(aws, champion, serve):
    serve(POSTS)
    label(aws, POSTS)
    answer = handler({"time": f"{NOW:%Y-%m-%dT%H:%M:%S}Z"}, CONTEXT)
    assert (answer["end"], answer["labelled_posts"]) == (NOW.isoformat(), 120)
    assert published("LabelledPosts") == [120]


def test_labels_given_days_after_the_prediction_count(aws, champion, serve):
    serve(POSTS, at=NOW - timedelta(days=6))
    label(aws, POSTS)
    assert handler(WINDOW, CONTEXT)["labelled_posts"] == 120


def test_predictions_of_other_windows_or_versions_do_not_count(aws, champion, serve):
    serve(POSTS, at=NOW - timedelta(days=8))
    serve(POSTS, version="v0")
    label(aws, POSTS)
    answer = handler(WINDOW, CONTEXT)
    assert (answer["status"], answer["labelled_posts"]) == ("too_few_labels", 0)
    assert answer["unseen"] == 0


def test_a_corrected_label_changes_the_f1_score(aws, champion, serve):
    serve(POSTS)
    label(aws, [replace(post, label=1 - post.label) for post in POSTS], "b")
    wrong = handler(WINDOW, CONTEXT)["overall"]["f1"]
    label(aws, POSTS, "a", at=NOW + timedelta(minutes=1))
    assert handler(WINDOW, CONTEXT)["overall"]["f1"] > wrong + 0.3


def test_labels_of_unseen_posts_are_only_counted(aws, champion, serve):
    serve(POSTS)
    label(aws, POSTS + make_posts(7, seed=9))
    answer = handler(WINDOW, CONTEXT)
    assert (answer["labelled_posts"], answer["unseen"]) == (120, 7)


def test_with_too_few_labels_only_their_count_is_published(aws, champion, serve):
    serve(POSTS)
    label(aws, POSTS[:49])
    answer = handler(WINDOW, CONTEXT)
    assert (answer["status"], answer["overall"]) == ("too_few_labels", None)
    assert published("F1UpperBound") == []
    assert published("LabelledPosts") == [49]


def test_before_the_first_champion_there_is_nothing_to_measure(aws):
    assert handler(WINDOW, CONTEXT) == {"status": "no_champion"}


ODD_COMMUNITIES = (
    *(
        "Épicerie",
        "épicerie",
        "日本",
        " ",
        "  ",
        ":colon",
        "anxiety & stress",
        "😀",
        "a/b",
        "a%2Fb",
    ),
    *('"', "a\nb", "a\0", "a", "Community=x", "a" * 2000, "é" * 2000, "é" * 2001),
)


def community_posts(*names, each=50):
    return [
        replace(labelled, post=labelled.post._replace(post_id=f"{place}-{number}", source=name))
        for place, name in enumerate(names)
        for number, labelled in enumerate(make_posts(each, seed=place))
    ]


def test_communities_of_any_name_have_their_own_metrics(aws, champion, serve):
    posts = community_posts(*ODD_COMMUNITIES)
    serve(posts)
    label(aws, [replace(one, post=one.post._replace(source=None)) for one in posts])
    answer = handler(WINDOW, CONTEXT)
    assert answer["communities"].keys() == set(ODD_COMMUNITIES)
    pages = boto3.client("cloudwatch").get_paginator("list_metrics").paginate(MetricName="F1")
    values = [
        dimension["Value"]
        for page in pages
        for metric in page["Metrics"]
        for dimension in metric["Dimensions"]
        if dimension["Name"] == "Community"
    ]
    assert sorted(values) == sorted(map(METRIC_DIMENSION.encode, ODD_COMMUNITIES))
    for name, figures in answer["communities"].items():
        assert published("F1", Community=METRIC_DIMENSION.encode(name)) == [figures["f1"]]


def test_one_rejected_metric_is_an_error_but_others_are_published(
    aws, champion, serve, monkeypatch
):
    posts = community_posts("first", "refused", "last")
    serve(posts)
    label(aws, posts)
    encode = METRIC_DIMENSION.encode
    monkeypatch.setattr(
        "lambdas.quality.handler.METRIC_DIMENSION",
        SimpleNamespace(encode=lambda name: ":\n" if name == "refused" else encode(name)),
    )
    refused = pytest.raises(RefusedMetrics, match=r"refused 1 of .*: F1 \(dev, ")
    with strict_calls.refused() as found, refused:
        handler(WINDOW, CONTEXT)
    assert all(one.startswith("cloudwatch:PutMetricData: MetricData.member.") for one in found)
    assert published("LabelledPosts") == [150]
    assert len(published("F1") + published("F1", Community="first")) == 2
    assert len(published("F1", Community="last")) == 1
    assert len(aws.keys("archive", "quality/")) == 1


def test_segments_with_a_shared_id_are_each_joined_to_their_label(aws, champion, serve):
    posts = [
        replace(labelled, post=labelled.post._replace(post_id=f"long-{place // 3}"))
        for place, labelled in enumerate(POSTS)
    ]
    serve(posts)
    label(aws, posts[::-1])
    answer = handler(WINDOW, CONTEXT)
    assert (answer["labelled_posts"], answer["ambiguous"]) == (120, 0)
    assert answer["overall"]["f1"] > 0.7


def test_a_label_of_an_edited_post_is_not_joined_to_the_earlier_text(aws, champion, serve):
    serve(POSTS)
    edited = [
        replace(labelled, post=labelled.post._replace(text=f"edited: {labelled.post.text}"))
        for labelled in POSTS[:20]
    ]
    label(aws, edited + POSTS[20:])
    answer = handler(WINDOW, CONTEXT)
    assert (answer["labelled_posts"], answer["other_text"]) == (100, 20)


def test_rows_without_a_digest_are_joined_by_unambiguous_ids(aws, champion, serve):
    """From an earlier release, or written without a key at hand."""
    serve(POSTS, key=None)
    another = replace(POSTS[0], post=POSTS[0].post._replace(text="another text"))
    label(aws, [*POSTS, another])
    answer = handler(WINDOW, CONTEXT)
    assert (answer["labelled_posts"], answer["ambiguous"]) == (119, 2)


def test_training_posts_of_the_champion_are_excluded_and_counted(aws, champion, serve):
    """Its own evaluation split counts: the champion did not learn from that."""
    train_on(aws, POSTS[:60])
    serve(POSTS)
    label(aws, POSTS)
    answer = handler(WINDOW, CONTEXT)
    left_out = len(learned(POSTS[:60]))
    assert (answer["labelled_posts"], answer["trained_on"]) == (120 - left_out, left_out)
    assert published("ExcludedPosts") == [left_out]
    assert answer["training_set"] == "read"


def test_a_missing_training_set_is_logged_and_all_posts_measured(aws, champion, serve, caplog):
    train_on(aws, POSTS, version="v0")
    aws.put("training", "datasets/v1/another.json", b"{}")
    serve(POSTS)
    label(aws, POSTS)
    answer = handler(WINDOW, CONTEXT)
    assert (answer["labelled_posts"], answer["training_set"]) == (120, "missing")
    assert "no training set: the champion's training posts" in caplog.text


def test_invalid_lines_of_a_training_set_are_ignored(aws, champion, serve):
    lines = content_of(POSTS[:60]) + b'{"post_id": "a", "text": " "}\n{\n'
    aws.put("training", "datasets/v1/posts.jsonl", lines)
    serve(POSTS)
    label(aws, POSTS)
    assert handler(WINDOW, CONTEXT)["trained_on"] == len(learned(POSTS[:60]))


def test_a_missing_key_is_an_error_and_nothing_is_measured(aws, champion, serve):
    serve(POSTS)
    label(aws, POSTS)
    aws.secrets.delete_secret(SecretId="identity", ForceDeleteWithoutRecovery=True)
    with pytest.raises(KeyUnavailable, match="cannot be read from identity"):
        handler(WINDOW, CONTEXT)
    assert aws.keys("archive", "quality/") == []


def test_a_stored_measurement_omits_text_digests(aws, champion, serve):
    serve(POSTS)
    label(aws, POSTS)
    handler(WINDOW, CONTEXT)
    (key,) = aws.keys("archive", "quality/")
    kept = aws.body("archive", key).decode()
    assert not [one for one in POSTS if text_digest(IDENTITY_KEY, one.post.text) in kept]
