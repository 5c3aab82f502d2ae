"""The web service's function on moto: every answer, and the stream's own beside it."""

import base64
import json
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from botocore.exceptions import ClientError

import lambdas.api.handler as api
from cli.deployment.client import DeploymentClient
from lambdas.predictor.handler import handler as predictor
from lambdas.predictor.handler import predictor as predictor_of
from stresswatch.contracts.labelled_posts import labelled_post_record
from stresswatch.contracts.posts import post_record
from stresswatch.serving.label_requests import RETRY_WINDOW, label_key
from stresswatch.serving.web_service import (
    MAXIMUM_BODY_BYTES,
    MAXIMUM_LABELS,
    MAXIMUM_POSTS,
    ROUTES,
)
from stresswatch.storage.training_sets import assemble, read_lines
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, ENVIRONMENT, request
from tests.integration.test_predictor import event as kinesis_event

PROBLEM = "application/problem+json"
POSTS = [post_record(one.post) for one in make_posts(20, seed=41)]
LABELS = [labelled_post_record(one) for one in make_posts(5, seed=42)]


@pytest.fixture(autouse=True)
def _cold_start():
    for cached in (api.service, api.manifest_of, predictor_of):
        cached.cache_clear()
    yield
    for cached in (api.service, api.manifest_of, predictor_of):
        cached.cache_clear()


@pytest.fixture
def champion(aws, version_files):
    return aws.promote("v1", version_files)


class Answer:
    def __init__(self, answer):
        self.status = answer["statusCode"]
        self.headers = {name.lower(): value for name, value in answer["headers"].items()}
        self.text = answer["body"]

    @property
    def body(self):
        return json.loads(self.text)

    @property
    def reason(self):
        """The last word of a problem's type."""
        assert self.headers["content-type"] == PROBLEM
        assert self.body["status"] == self.status
        return self.body["type"].removeprefix("urn:stresswatch:problem:")


def ask(method, path, body=None, **how):
    return Answer(api.handler(request(method, path, body, **how), CONTEXT))


def post(path, value, **how):
    return ask("POST", path, json.dumps(value), **how)


def without_place(said):
    return {name: said[name] for name in said.keys() - {"prediction_id", "predicted_at"}}


def test_a_prediction_is_the_streams_own_to_the_bit(aws, champion):
    posts = [*POSTS, POSTS[0] | {"reasons": True}]
    predictor(kinesis_event([json.dumps(one).encode() for one in posts]), CONTEXT)
    streamed = list(map(without_place, aws.predictions()))
    several = post("/predict", posts)
    assert several.status == 200
    assert [without_place(one["prediction"]) for one in several.body["results"]] == streamed
    assert [without_place(post("/predict", one).body) for one in posts] == streamed
    assert "reasons" in streamed[-1]


def test_predictions_are_answered_and_kept_nowhere(aws, champion):
    post("/predict", POSTS)
    assert aws.predictions() == []
    for bucket in ("archive", "quarantine", "training"):
        assert aws.keys(bucket) == []


def test_each_answer_names_its_predictions_and_a_post_without_an_id_has_its_place(aws, champion):
    answers = post("/predict", [{"text": "words"}, {"text": "words"}]).body["results"]
    assert [one["prediction"]["post_id"] for one in answers] == ["0", "1"]
    assert len({one["prediction"]["prediction_id"] for one in answers}) == 2
    assert post("/predict", {"text": "words"}).body["post_id"] == "0"


def test_one_invalid_post_of_several_is_answered_with_its_problem(aws, champion):
    answer = post("/predict", [POSTS[0], {"text": 5}, POSTS[1], "words"])
    assert answer.status == 207
    assert [set(one) for one in answer.body["results"]] == [
        {"prediction"}, {"problem"}, {"prediction"}, {"problem"},
    ]  # fmt: skip
    problems = [one["problem"] for one in answer.body["results"] if "problem" in one]
    assert [one["title"] for one in problems] == ["Text invalid", "Not an object"]
    assert {one["status"] for one in problems} == {422}


def test_what_breaks_the_contract_is_unprocessable(aws):
    for value, reason in (
        ({"text": ""}, "text_empty"),
        ({"post_id": "a"}, "text_missing"),
        ({"text": "words", "sentiment": "high"}, "number_invalid"),
        ([], "body_invalid"),
        ([POSTS[0]] * (MAXIMUM_POSTS + 1), "body_invalid"),
        ("words", "body_invalid"),
        (None, "body_invalid"),
        (5, "body_invalid"),
    ):
        answer = post("/predict", value)
        assert (answer.status, answer.reason) == (422, reason)


def test_what_is_no_json_is_refused_before_it_is_looked_at(aws):
    for body, how, status in (
        ("{", {}, 400),
        (None, {}, 400),
        ("{}", {"content_type": None}, 415),
        ("text=words", {"content_type": "application/x-www-form-urlencoded"}, 415),
        (" " * (MAXIMUM_BODY_BYTES + 1), {}, 413),
    ):
        answer = ask("POST", "/predict", body, **how)
        assert (answer.status, answer.headers["content-type"]) == (status, PROBLEM)


def test_the_media_type_may_be_written_in_capitals(aws, champion):
    answer = ask("POST", "/predict", '{"text": "words"}', content_type="Application/JSON")
    assert answer.status == 200


def test_a_body_is_read_or_refused_however_deep_it_is_nested(aws, champion):
    """Where a reader stops differs by Python's version: by its recursion limit, or by C's stack."""
    limit = sys.getrecursionlimit()
    depths = (*range(limit // 2, limit, 5), *range(limit, 20 * limit, limit // 2), 100_000)
    nested = ["[" * depth + "]" * depth for depth in depths]
    answers = [ask("POST", "/predict", f'{{"text": "words", "more": {one}}}') for one in nested]
    answers += [ask("POST", "/labels", one) for one in nested]
    assert {one.status for one in answers} <= {200, 400, 422}
    assert {one.reason for one in answers if one.status == 400} == {"not_json"}


def test_a_byte_order_mark_before_a_body_is_ignored_as_in_the_stream(aws, champion):
    assert ask("POST", "/predict", '\ufeff{"text": "words"}').status == 200


def test_a_body_in_base64_is_read(aws, champion):
    body = base64.b64encode(json.dumps(POSTS[0]).encode()).decode()
    assert ask("POST", "/predict", body, is_base64=True).status == 200


def test_other_paths_are_not_found_and_other_methods_not_allowed(aws):
    assert (ask("GET", "/nothing").status, ask("GET", "/nothing").reason) == (404, "not_found")
    answer = ask("PUT", "/predict")
    assert (answer.status, answer.reason) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


def test_without_a_champion_it_says_when_to_come_again(aws):
    answers = [post("/predict", POSTS[0]), ask("GET", "/model"), ask("GET", "/health")]
    assert {(one.status, one.reason) for one in answers} == {(503, "unavailable")}
    assert all(int(one.headers["retry-after"]) > 0 for one in answers)


def test_health_says_that_a_model_serves_and_the_model_is_described_by_its_manifest(
    aws, champion, version_files
):
    assert (ask("GET", "/health").status, ask("GET", "/health").body) == (200, {"status": "ok"})
    manifest = json.loads(version_files["manifest.json"])
    described = ask("GET", "/model").body
    assert described["version"] == "v1"
    assert described["metrics"] == manifest["metrics"]["overall"]
    assert described["card"] == "s3://models/models/v1/model_card.html"


def test_the_service_follows_the_champion(aws, champion, version_files, monkeypatch):
    monkeypatch.setenv("CHAMPION_TTL_SECONDS", "0")
    assert post("/predict", POSTS[0]).body["model_version"] == "v1"
    aws.promote("v2", version_files)
    assert post("/predict", POSTS[0]).body["model_version"] == "v2"


def labelled(aws):
    """What a retraining would learn of the labels."""
    return assemble([], read_lines(aws.s3, "training", "labels/"))


def test_labels_are_what_the_command_would_have_written_and_are_taken_once(aws):
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
    by_command = assemble([], read_lines(aws.s3, "by-command", "labels/"))
    assert [(one.post, one.label) for one in by_service.new] == [
        (one.post, one.label) for one in by_command.new
    ]

    before = {key: aws.body("training", key) for key in aws.keys("training")}
    again = post("/labels", LABELS)
    assert (again.status, again.body) == (200, {"labels": len(LABELS), "new": False})
    assert {key: aws.body("training", key) for key in aws.keys("training")} == before
    assert post("/labels", LABELS[:1]).body["new"]
    assert post("/labels", LABELS[0]).body == {"labels": 1, "new": False}


@pytest.fixture
def clock(monkeypatch):
    """The web service's clock, which is set by hand."""

    class Clock(datetime):
        moment = datetime(2026, 11, 24, 12, tzinfo=UTC)

        @classmethod
        def now(cls, tz=None):
            return cls.moment.astimezone(tz)

    monkeypatch.setattr(api, "datetime", Clock)
    return Clock


def newest(aws):
    """What a retraining would learn: the label of each post, by its id."""
    lines = read_lines(aws.s3, "training", "labels/")
    made = assemble([], lines, datetime(2027, 1, 1, tzinfo=UTC))
    return {one.post.post_id: one.label for one in made.new}


@pytest.mark.parametrize("several", [1, 3])
def test_a_label_given_back_counts_as_the_newest(aws, clock, several):
    stressed = [one | {"label": 1} for one in LABELS[:several]]
    calm = [one | {"label": 0} for one in stressed]
    for place, labels in enumerate((stressed, calm, stressed, calm, stressed)):
        clock.moment += timedelta(seconds=1)
        assert post("/labels", labels).body["new"], place
        assert not post("/labels", labels).body["new"]
        assert set(newest(aws).values()) == {labels[0]["label"]}


def test_a_label_given_again_after_the_retries_time_has_a_time_of_its_own(aws, clock):
    assert post("/labels", LABELS[0]).body["new"]
    clock.moment += RETRY_WINDOW
    assert not post("/labels", LABELS[0]).body["new"]
    dated = LABELS[0] | {
        "label": 1 - LABELS[0]["label"],
        "labelled_at": (clock.moment - timedelta(minutes=1)).isoformat(),
    }
    clock.moment += timedelta(seconds=1)
    assert post("/labels", LABELS[0]).body["new"]
    assert post("/labels", dated).body["new"]
    assert newest(aws)[LABELS[0]["post_id"]] == LABELS[0]["label"]


@pytest.mark.parametrize("seconds_before", [0.5, 0])
def test_labels_of_the_command_that_came_in_between_are_not_overlooked(aws, clock, seconds_before):
    post("/labels", LABELS[0])
    other = LABELS[0] | {"label": 1 - LABELS[0]["label"]}
    clock.moment += timedelta(seconds=1)
    given = clock.moment - timedelta(seconds=seconds_before)
    body = json.dumps(other | {"labelled_at": given.isoformat()}).encode()
    aws.put("training", label_key(given, "command"), body)
    clock.moment += timedelta(seconds=1)
    assert post("/labels", LABELS[0]).body["new"]
    assert newest(aws)[LABELS[0]["post_id"]] == LABELS[0]["label"]


def test_labels_that_say_when_they_were_given_are_taken_once_for_ever(aws, clock):
    dated = [one | {"labelled_at": "2026-11-23T14:00:00+02:00"} for one in LABELS]
    assert post("/labels", dated).body["new"]
    clock.moment += timedelta(days=30)
    assert not post("/labels", dated).body["new"]
    assert len(aws.keys("training", "labels/")) == 1
    later = [one | {"labelled_at": "2026-11-23T12:00:01Z"} for one in LABELS]
    assert post("/labels", later).body["new"]
    eldest = LABELS[0] | {"labelled_at": "0001-01-01T00:00:00+14:00"}
    assert post("/labels", eldest).body["new"]
    assert not post("/labels", eldest).body["new"]


def test_an_object_of_a_later_time_hides_no_retry(aws, clock):
    later = [timedelta(minutes=4), timedelta(days=30_000)]
    for ahead in later:
        aws.put("training", label_key(clock.moment + ahead, "ahead"), b"")
    assert post("/labels", LABELS[0]).body["new"]
    assert not post("/labels", LABELS[0]).body["new"]
    assert len(aws.keys("training", "labels/")) == len(later) + 1


def test_labels_of_objects_as_they_were_named_before_do_not_count_as_retries(aws, clock):
    aws.put("training", "labels/web-0123456789abcdef0123456789abcdef.jsonl", b"")
    assert post("/labels", LABELS[0]).body["new"]
    assert not post("/labels", LABELS[0]).body["new"]


def test_a_label_that_lies_in_the_future_is_refused_by_name(aws, clock):
    def dated(**ahead):
        return LABELS[0] | {"labelled_at": (clock.moment + timedelta(**ahead)).isoformat()}

    answer = post("/labels", [dated(minutes=5), LABELS[1], dated(minutes=5, seconds=1)])
    assert (answer.status, answer.reason) == (422, "labels_invalid")
    (error,) = answer.body["errors"]
    assert (error["place"], error["type"]) == (2, "urn:stresswatch:problem:labelled_at_in_future")
    assert error["detail"].startswith("labelled_at must not lie more than 5 minutes ahead")
    assert aws.keys("training") == []
    assert post("/labels", dated(minutes=5)).status == 200


def test_of_labels_all_are_taken_or_none(aws):
    answer = post("/labels", [LABELS[0], LABELS[1] | {"label": 2}, {"label": 1, "text": "words"}])
    assert (answer.status, answer.reason) == (422, "labels_invalid")
    assert [(one["place"], one["title"]) for one in answer.body["errors"]] == [
        (1, "Label invalid"),
        (2, "Post id missing"),
    ]
    assert aws.keys("training") == []
    assert post("/labels", [LABELS[0]] * (MAXIMUM_LABELS + 1)).reason == "body_invalid"


def test_labels_that_cannot_be_written_now_may_come_again(aws, monkeypatch):
    def refuse(**_):
        raise ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "PutObject")

    monkeypatch.setattr(api.service().s3, "put_object", refuse)
    assert post("/labels", LABELS).reason == "unavailable"


def test_an_error_that_nobody_foresaw_is_a_problem_that_says_nothing(aws, champion, monkeypatch):
    def fail(*_):
        raise ValueError("could not convert string to float: 'words'")

    monkeypatch.setattr(api.web_service, "predict_posts", fail)
    answer = post("/predict", POSTS[0])
    assert (answer.status, answer.reason) == (500, "internal")
    assert "words" not in answer.text


class _Addresses(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found += [(tag, value) for name, value in attributes if name in {"src", "href"}]


def test_the_page_brings_all_that_it_shows(aws):
    answer = ask("GET", "/docs")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html")
    assert "swagger-ui" in answer.text
    assert _Addresses(answer.text).found == []


def test_the_document_has_the_routes_that_the_gateway_has(aws):
    document = ask("GET", "/openapi.json").body
    assert document["openapi"].startswith("3.1")
    documented = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert documented == set(ROUTES) - {("GET", "/openapi.json"), ("GET", "/docs")}
    for method, path in ROUTES:
        assert ask(method, path).status not in (404, 405)


def test_an_answer_of_500_and_above_is_counted_by_the_version_of_the_code(aws, champion, capsys):
    def counted():
        lines = capsys.readouterr().out.splitlines()
        return [json.loads(line) for line in lines if "ServerErrors" in line]

    assert post("/predict", POSTS[0]).status == 200
    assert post("/predict", {"text": 1}).status == 422
    assert not counted()
    api.service.cache_clear()
    aws.ssm.delete_parameter(Name=ENVIRONMENT["CHAMPION_PARAMETER"])
    assert post("/predict", POSTS[0]).status == 503
    (record,) = counted()
    (dimensions,) = record["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    assert set(dimensions) == {"Stage", "service", "version"}
    assert (record["service"], record["version"]) == ("api", CONTEXT.function_version)
