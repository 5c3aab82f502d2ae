"""Post text leaves the functions only for quarantine and the training data.

A marker is planted in posts of every kind, and searched for in all their output.
"""

import hashlib
import io
import json
import re
import traceback
from datetime import UTC, datetime, timedelta
from importlib import import_module

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

import lambdas.api.handler as api_module
import lambdas.predictor.handler as predictor_module
from lambdas.dataset.handler import handler as dataset
from lambdas.gate.handler import handler as gate
from lambdas.notify.handler import handler as notify
from lambdas.predictor.handler import handler as predict
from lambdas.promote.handler import handler as promote
from stresswatch.aws.redaction import UnforeseenError
from stresswatch.contracts.identity import text_digest
from stresswatch.contracts.labelled_posts import labelled_post_record, parse_labelled_post
from stresswatch.contracts.posts import post_record
from stresswatch.storage.training_sources import SOURCES_FILE
from stresswatch.text.normalisation import canonical
from tests.conftest import PROJECT, make_posts
from tests.integration.conftest import CONTEXT, IDENTITY_KEY, request, train_version
from tests.integration.retraining.workflow import deliver, gate_event
from tests.integration.test_predictor import event, failures
from tests.integration.workflow import measure
from tests.marker import MARKER, holds, holds_marker

MAY_HOLD_TEXT = {"label-queue", "quarantine", "training"}
FUNCTIONS = (
    "predictor",
    "api",
    "admission",
    "approval",
    "compare",
    "dataset",
    "drift",
    "gate",
    "notify",
    "plan",
    "probation",
    "promote",
    "quality",
    "rate",
    "registry",
    "scoring",
    "settle",
    "shadow",
)


@pytest.fixture(autouse=True)
def _cold_start():
    for cached in (predictor_module.predictor, api_module.service):
        cached.cache_clear()
    yield
    for cached in (predictor_module.predictor, api_module.service):
        cached.cache_clear()


@pytest.fixture
def champion(aws, version_files):
    return aws.promote("v1", version_files)


class Written:
    """Everything that the functions wrote, except where text may be."""

    def __init__(self, aws, capture, log):
        self._aws = aws
        self._capture = capture
        self._log = log
        self._said = []

    def hear(self, *things):
        """Record a function's answer or error."""
        self._said += [repr(thing) for thing in things]

    def places_with_marker(self):
        return [place for place, content in self._contents() if holds_marker(content)]

    def places_with(self, words):
        return [place for place, content in self._contents() if holds(content, words)]

    def _contents(self):
        output = self._capture.readouterr()
        yield "log", self._log.getvalue().encode()
        yield "output, with metrics", (output.out + output.err).encode()
        yield "answers", "".join(self._said).encode()
        yield "predictions", json.dumps(self._aws.predictions()).encode()
        yield "metrics", repr(boto3.client("cloudwatch").list_metrics()["Metrics"]).encode()
        yield "parameters", repr(self._aws.ssm.describe_parameters()["Parameters"]).encode()
        yield "champion", repr(self._aws.pointer()).encode()
        for bucket in self._aws.s3.list_buckets()["Buckets"]:
            if bucket["Name"] in MAY_HOLD_TEXT:
                continue
            for key in self._aws.keys(bucket["Name"]):
                yield f"{bucket['Name']}/{key}", key.encode()
                yield f"{bucket['Name']}/{key}", self._aws.body(bucket["Name"], key)


@pytest.fixture
def written(aws, capfd, monkeypatch):
    log = io.StringIO()
    for name in FUNCTIONS:
        (handler,) = import_module(f"lambdas.{name}.handler").logger.handlers
        monkeypatch.setattr(handler, "stream", log)
    return Written(aws, capfd, log)


def post(**fields):
    return json.dumps({"post_id": "a", "text": "words"} | fields).encode()


VALID = {
    "in its text": post(text=f"I feel {MARKER} today"),
    "as its whole text": post(text=MARKER),
    "in a field that is ignored": post(title=MARKER),
    "without an id": json.dumps({"text": MARKER}).encode(),
    "in optional fields that cannot be read": post(
        source=[MARKER], created_at=MARKER, reasons=MARKER
    ),
    "asking for reasons": post(text=f"{MARKER} panic", reasons=True),
}
INVALID = {
    "not_utf8": MARKER.encode() + b"\xff",
    "not_json": b'{"text": "' + MARKER.encode(),
    "not_an_object": json.dumps([MARKER]).encode(),
    "text_missing": json.dumps({"post_id": "a", "body": MARKER}).encode(),
    "text_invalid": post(text=[MARKER]),
    "text_empty": post(text=" ", title=MARKER),
    "text_removed": post(text="[removed]", title=MARKER),
    "text_too_long": post(text=MARKER * 2000),
    "not_unicode": post(text=f"{MARKER} \ud800"),
    "number_invalid": post(sentiment=MARKER),
    "number_not_finite": b'{"text": "' + MARKER.encode() + b'", "sentiment": NaN}',
    "post_id_invalid": post(post_id=MARKER * 20),
}


def test_the_text_of_a_valid_post_is_written_nowhere(aws, champion, written):
    written.hear(predict(event(list(VALID.values())), CONTEXT))
    assert len(aws.predictions()) == len(VALID)
    assert written.places_with_marker() == []
    assert aws.keys("quarantine") == []


def test_the_text_of_a_sampled_post_is_only_in_the_label_queue(aws, champion, written, monkeypatch):
    aws.s3.create_bucket(Bucket="label-queue")
    monkeypatch.setenv("LABEL_QUEUE_BUCKET", "label-queue")
    monkeypatch.setenv("LABEL_SAMPLE_SHARE", "1.0")
    written.hear(predict(event(list(VALID.values())), CONTEXT))
    assert len(aws.predictions()) == len(VALID)
    assert written.places_with_marker() == []
    (queued,) = aws.keys("label-queue")
    assert not holds_marker(queued.encode())
    assert holds_marker(aws.body("label-queue", queued))


def test_the_key_and_unkeyed_digests_are_never_written(aws, champion, written):
    """Without the key, the digest of a guessed text must be absent everywhere."""
    written.hear(predict(event([post(text=MARKER)]), CONTEXT))
    text = canonical(MARKER).encode()
    unkeyed = [hashlib.new(name, text).hexdigest()[:32] for name in ("sha256", "sha1", "md5")]
    for secret in (IDENTITY_KEY.decode(), *unkeyed):
        assert written.places_with(secret) == []
    assert written.places_with(text_digest(IDENTITY_KEY, MARKER)) == [
        f"archive/{key}" for key in aws.keys("archive")
    ]


def test_the_text_of_an_invalid_record_is_only_in_quarantine(aws, champion, written):
    written.hear(predict(event([*INVALID.values(), post()]), CONTEXT))
    assert written.places_with_marker() == []
    bodies = [aws.body("quarantine", key) for key in aws.keys("quarantine")]
    assert all(map(holds_marker, bodies))
    quarantined = [json.loads(body) for body in bodies]
    assert {one["reason"] for one in quarantined} == set(INVALID)
    assert [one["reason"] for one in quarantined if MARKER in one["detail"]] == []


def test_every_documented_rejection_reason_is_covered():
    contract = (PROJECT / "docs" / "contracts.md").read_text()
    reasons = re.search(r"with one of the reasons (.*?)\. No reason quotes", contract, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", reasons[1])) == set(INVALID)


def quote(*arguments, **named):
    """Fail as libraries do: with the text in the message."""
    raise ValueError(f"could not convert string to float: {arguments} {named}")


@pytest.mark.parametrize(
    "step", ["lambdas.predictor.handler.read_records", "stresswatch.versions.champion.predict"]
)
def test_a_crash_is_reported_with_its_location_only(aws, champion, written, monkeypatch, step):
    monkeypatch.setattr(step, quote)
    with pytest.raises(UnforeseenError, match=r"^ValueError at ") as raised:
        predict(event([post(text=MARKER)]), CONTEXT)
    written.hear("".join(traceback.format_exception(raised.value)))
    assert written.places_with_marker() == []


@pytest.mark.parametrize(("client", "call"), [("s3", "put_object"), ("kinesis", "put_records")])
def test_a_failed_write_is_reported_without_its_content(
    aws, champion, written, monkeypatch, client, call
):
    def refuse(**request):
        message = {"Error": {"Code": "ValidationException", "Message": f"{MARKER} {request}"}}
        raise ClientError(message, call)

    monkeypatch.setattr(getattr(predictor_module.predictor(), client), call, refuse)
    answer = predict(event([post(text=MARKER), MARKER.encode()]), CONTEXT)
    written.hear(answer)
    assert failures(answer) == ["1"]
    assert written.places_with_marker() == []


def test_a_model_load_failure_is_reported_without_the_post(
    aws, champion, written, monkeypatch, version_files
):
    monkeypatch.setenv("CHAMPION_TTL_SECONDS", "0")
    predict(event([post()]), CONTEXT)
    aws.promote("v2", version_files | {"model.npz": b"altered"})
    aws.put("models", "models/v2/model.npz", b"other")
    written.hear(predict(event([post(text=MARKER)]), CONTEXT))
    assert written.places_with_marker() == []


def test_a_drift_report_omits_post_ids_and_texts(aws, champion, written):
    posts = [
        labelled.post._replace(
            post_id=f"zqanidofapersonqz-{place}", text=f"{labelled.post.text} {MARKER}"
        )
        for place, labelled in enumerate(make_posts(60, seed=7))
    ]
    predict(event([json.dumps(post_record(one)).encode() for one in posts]), CONTEXT)
    now = datetime.now(UTC)
    window = {
        "start": (now - timedelta(minutes=5)).isoformat(),
        "end": (now + timedelta(minutes=5)).isoformat(),
    }
    answer = measure(window)
    written.hear(answer)
    assert answer["status"] == "measured"
    reports = [
        aws.body("archive", key)
        for prefix in ("reports/", "drift/")
        for key in aws.keys("archive", prefix)
    ]
    assert [holds(report, "zqanidofapersonqz") for report in reports] == [False] * 3
    assert written.places_with_marker() == []


def serve(path, body, **how):
    return api_module.handler(request("POST", path, body, **how), CONTEXT)


def test_web_service_answers_and_errors_omit_post_text(aws, champion, written):
    """Except explanations, which hold words of the post and go to the caller who requested them."""
    for record in (*VALID.values(), *INVALID.values()):
        body = record.decode("utf-8", "replace")
        for text in (body, f"[{body}]"):
            written.hear(serve("/predict", text), serve("/labels", text))
    written.hear(serve("/predict", MARKER, content_type=MARKER))
    written.hear(api_module.handler(request("GET", f"/{MARKER}"), CONTEXT))
    assert written.places_with_marker() == []


@pytest.mark.parametrize("step", ["answer_each", "read_labels"])
def test_a_web_service_crash_is_answered_without_the_post(aws, written, monkeypatch, step):
    monkeypatch.setattr(api_module.web_service, step, quote)
    path = "/labels" if step == "read_labels" else "/predict"
    answer = serve(path, post(text=MARKER).decode())
    written.hear(answer)
    assert answer["statusCode"] == 500
    assert written.places_with_marker() == []


def lines_with_marker():
    """Labelled posts that hold the marker: a valid one, and invalid lines."""
    (labelled,) = make_posts(1, seed=21)
    record = labelled_post_record(labelled)
    valid = record | {"text": f"{labelled.post.text} {MARKER}"}
    return b"\n".join(
        [
            json.dumps(valid).encode(),
            json.dumps(valid | {"label": MARKER}).encode(),
            json.dumps(valid | {"created_at": MARKER}).encode(),
            MARKER.encode(),
        ]
    )


def test_a_retraining_writes_post_text_only_to_training_data(aws, written, tmp_path, monkeypatch):
    base = make_posts(300)
    (marked, *_) = lines_with_marker().splitlines()
    lines = [json.dumps(labelled_post_record(one)).encode() for one in base]
    aws.put("training", "datasets/base/posts.jsonl", b"\n".join([*lines, lines_with_marker()]))
    answer = dataset({"trigger": "test", "reason": "test"}, CONTEXT)
    key = answer["dataset_uri"].removeprefix("s3://training/") + "posts.jsonl"
    assert holds_marker(aws.body("training", key))
    assert not holds_marker(aws.body("training", key.replace("posts.jsonl", SOURCES_FILE)))

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow/mlflow.db")
    files = train_version(tmp_path, [*base, parse_labelled_post(marked)], answer["version"])
    deliver(aws, files)
    verdict = gate(gate_event(answer, answer["version"]), CONTEXT)
    promotion = promote({"gate": verdict}, CONTEXT)
    state = {"admission": {}, "dataset": answer, "gate": verdict, "promotion": promotion}
    topic = boto3.client("sns").create_topic(Name="topic")["TopicArn"]
    monkeypatch.setenv("TOPIC_ARN", topic)
    notify({"subject": "a test", "asks": False, "execution": "e", "state": state}, CONTEXT)
    published = sns_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].topics[topic].sent_notifications
    assert len(published) == 1
    written.hear(answer, verdict, promotion, published)
    assert aws.pointer().version == answer["version"]
    assert set(aws.keys("models"))
    assert written.places_with_marker() == []

    records = [file for file in (tmp_path / "mlflow").rglob("*") if file.is_file()]
    assert any(file.name == "model.npz" for file in records)
    assert [file.name for file in records if holds_marker(file.read_bytes())] == []


def test_every_function_is_covered():
    assert set(FUNCTIONS) == {file.parent.name for file in PROJECT.glob("lambdas/*/handler.py")}


ANY_EVENT = {
    "version": "v1",
    "parent": "",
    "uri": "s3://models/models/v1/",
    "sha256": "0" * 64,
    "start": "2026-11-23T00:00:00+00:00",
    "end": "2026-11-23T01:00:00+00:00",
    "archive": "predictions",
    "shard": "none",
    "shards": 1,
    "seconds": 60,
    "execution": "arn",
    "token": "token",
    "request": {},
    "state": {"error": {"Error": "Any"}},
    "subject": "subject",
    "asks": False,
    "training": {
        "ModelArtifacts": {"S3ModelArtifacts": "s3://training/training-output/model.tar.gz"}
    },
    "dataset_uri": "s3://training/datasets/v1/",
    "gate": {"version": "v1", "uri": "s3://models/models/v1/", "sha256": "0" * 64, "parent": ""},
}
"""Every function finds enough in it to begin."""


@pytest.mark.parametrize("name", FUNCTIONS[2:])
def test_a_crash_in_any_other_function_omits_the_text(aws, written, monkeypatch, name):
    module = import_module(f"lambdas.{name}.handler")
    monkeypatch.setattr(module.boto3, "client", lambda service, **settings: quote(MARKER))
    with pytest.raises(UnforeseenError, match=r"^ValueError at ") as raised:
        module.handler(ANY_EVENT, CONTEXT)
    monkeypatch.undo()
    written.hear("".join(traceback.format_exception(raised.value)))
    assert written.places_with_marker() == []
