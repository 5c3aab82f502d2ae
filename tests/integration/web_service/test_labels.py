"""`POST /labels` on moto: labels are accepted once, in the order of their times."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

import lambdas.api.handler as api
from cli.deployment.client import DeploymentClient
from stresswatch.serving.label_requests import RETRY_WINDOW, label_key, write_labels
from stresswatch.serving.web_service import MAXIMUM_LABELS, Problem, read_labels
from stresswatch.storage.training_sets import read_lines
from tests.conftest import make_posts
from tests.integration.web_service.requests import LABELS, post
from tests.training_sets import assembled


def labelled(aws):
    """What a retraining would learn from the labels."""
    return assembled([], read_lines(aws.s3, "training", "labels/"))


def test_labels_equal_those_of_the_command_and_are_accepted_once(aws):
    answer = post("/labels", LABELS)
    assert (answer.status, answer.body) == (200, {"labels": len(LABELS), "new": True})
    by_service = labelled(aws)
    assert {one.labelled_at[:10] for one in by_service.new} == {f"{datetime.now(UTC):%Y-%m-%d}"}

    class Target:
        def output(self, _):
            return "by-command"

        def client(self, _):
            return aws.s3

    aws.s3.create_bucket(Bucket="by-command")
    DeploymentClient(Target()).label(make_posts(5, seed=42))
    by_command = assembled([], read_lines(aws.s3, "by-command", "labels/"))
    assert [(one.post, one.label) for one in by_service.new] == [
        (one.post, one.label) for one in by_command.new
    ]

    before = {key: aws.body("training", key) for key in aws.keys("training")}
    again = post("/labels", LABELS)
    assert (again.status, again.body) == (200, {"labels": len(LABELS), "new": False})
    assert {key: aws.body("training", key) for key in aws.keys("training")} == before
    assert post("/labels", LABELS[:1]).body["new"]
    assert post("/labels", LABELS[0]).body == {"labels": 1, "new": False}


class Giver:
    """Send labels, as the route does, at a time that is set by hand."""

    def __init__(self, aws):
        self._s3 = aws.s3
        self.now = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def give(self, *records):
        """Send labels; return whether they were new."""
        return write_labels(self._s3, "training", read_labels(records, self.now), self.now)


@pytest.fixture
def giver(aws):
    return Giver(aws)


def newest(aws):
    """What a retraining would learn: the label of each post, by its id."""
    lines = read_lines(aws.s3, "training", "labels/")
    made = assembled([], lines, datetime(2027, 1, 1, tzinfo=UTC))
    return {one.post.post_id: one.label for one in made.new}


@pytest.mark.parametrize("several", [1, 3])
def test_a_label_changed_back_counts_as_the_newest(aws, giver, several):
    stressed = [one | {"label": 1} for one in LABELS[:several]]
    calm = [one | {"label": 0} for one in stressed]
    for place, labels in enumerate((stressed, calm, stressed, calm, stressed)):
        giver.now += timedelta(seconds=1)
        assert giver.give(*labels), place
        assert not giver.give(*labels)
        assert set(newest(aws).values()) == {labels[0]["label"]}


def test_a_label_repeated_after_the_retry_window_is_new(aws, giver):
    assert giver.give(LABELS[0])
    giver.now += RETRY_WINDOW
    assert not giver.give(LABELS[0])
    dated = LABELS[0] | {
        "label": 1 - LABELS[0]["label"],
        "labelled_at": (giver.now - timedelta(minutes=1)).isoformat(),
    }
    giver.now += timedelta(seconds=1)
    assert giver.give(LABELS[0])
    assert giver.give(dated)
    assert newest(aws)[LABELS[0]["post_id"]] == LABELS[0]["label"]


@pytest.mark.parametrize("seconds_before", [0.5, 0])
def test_a_label_repeated_after_one_from_the_command_is_new(aws, giver, seconds_before):
    giver.give(LABELS[0])
    other = LABELS[0] | {"label": 1 - LABELS[0]["label"]}
    giver.now += timedelta(seconds=1)
    given = giver.now - timedelta(seconds=seconds_before)
    body = json.dumps(other | {"labelled_at": given.isoformat()}).encode()
    aws.put("training", label_key(given, "command"), body)
    giver.now += timedelta(seconds=1)
    assert giver.give(LABELS[0])
    assert newest(aws)[LABELS[0]["post_id"]] == LABELS[0]["label"]


def test_timestamped_labels_are_accepted_only_once(aws, giver):
    dated = [one | {"labelled_at": "2026-11-23T14:00:00+02:00"} for one in LABELS]
    assert giver.give(*dated)
    giver.now += timedelta(days=30)
    assert not giver.give(*dated)
    assert len(aws.keys("training", "labels/")) == 1
    later = [one | {"labelled_at": "2026-11-23T12:00:01Z"} for one in LABELS]
    assert giver.give(*later)
    eldest = LABELS[0] | {"labelled_at": "0001-01-01T00:00:00+14:00"}
    assert giver.give(eldest)
    assert not giver.give(eldest)


def test_retries_are_detected_despite_later_objects(aws, giver):
    later = [timedelta(minutes=4), timedelta(days=30_000)]
    for ahead in later:
        aws.put("training", label_key(giver.now + ahead, "ahead"), b"")
    assert giver.give(LABELS[0])
    assert not giver.give(LABELS[0])
    assert len(aws.keys("training", "labels/")) == len(later) + 1


def test_label_objects_with_old_style_names_are_not_retries(aws, giver):
    aws.put("training", "labels/web-0123456789abcdef0123456789abcdef.jsonl", b"")
    assert giver.give(LABELS[0])
    assert not giver.give(LABELS[0])


def test_a_label_dated_in_the_future_is_rejected_with_its_place(aws, giver):
    def dated(**ahead):
        return LABELS[0] | {"labelled_at": (giver.now + timedelta(**ahead)).isoformat()}

    with pytest.raises(Problem) as refused:
        giver.give(dated(minutes=5), LABELS[1], dated(minutes=5, seconds=1))
    (error,) = refused.value.as_dict()["errors"]
    assert (error["place"], error["type"]) == (2, "urn:stresswatch:problem:labelled_at_in_future")
    assert error["detail"].startswith("labelled_at must not lie more than 5 minutes ahead")
    assert aws.keys("training") == []
    assert giver.give(dated(minutes=5))


def test_labels_are_accepted_all_or_none(aws):
    answer = post("/labels", [LABELS[0], LABELS[1] | {"label": 2}, {"label": 1, "text": "words"}])
    assert (answer.status, answer.reason) == (422, "labels_invalid")
    assert [(one["place"], one["title"]) for one in answer.body["errors"]] == [
        (1, "Label invalid"),
        (2, "Post id missing"),
    ]
    assert aws.keys("training") == []
    assert post("/labels", [LABELS[0]] * (MAXIMUM_LABELS + 1)).reason == "body_invalid"


def test_labels_that_cannot_be_written_get_a_retryable_error(aws, monkeypatch):
    def refuse(**_):
        raise ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "PutObject")

    monkeypatch.setattr(api.service().s3, "put_object", refuse)
    assert post("/labels", LABELS).reason == "unavailable"
