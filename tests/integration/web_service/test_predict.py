"""`POST /predict` on moto: predictions, and refused requests."""

import base64
import json
import sys
from bisect import bisect_left

from lambdas.predictor.handler import handler as predictor
from stresswatch.serving.web_service import MAXIMUM_BODY_BYTES, MAXIMUM_POSTS
from tests.integration.conftest import CONTEXT
from tests.integration.test_predictor import event as kinesis_event
from tests.integration.web_service.requests import POSTS, PROBLEM, ask, post


def without_place(said):
    return {name: said[name] for name in said.keys() - {"prediction_id", "predicted_at"}}


def test_a_prediction_equals_the_streamed_one_exactly(aws, champion):
    posts = [*POSTS, POSTS[0] | {"reasons": True}]
    predictor(kinesis_event([json.dumps(one).encode() for one in posts]), CONTEXT)
    streamed = list(map(without_place, aws.predictions()))
    several = post("/predict", posts)
    assert several.status == 200
    assert [without_place(one["prediction"]) for one in several.body["results"]] == streamed
    assert [without_place(post("/predict", one).body) for one in posts] == streamed
    assert "reasons" in streamed[-1]


def test_predictions_are_not_stored(aws, champion):
    post("/predict", POSTS)
    assert aws.predictions() == []
    for bucket in ("archive", "quarantine", "training"):
        assert aws.keys(bucket) == []


def test_a_post_without_an_id_gets_its_position_as_id(aws, champion):
    answers = post("/predict", [{"text": "words"}, {"text": "words"}]).body["results"]
    assert [one["prediction"]["post_id"] for one in answers] == ["0", "1"]
    assert len({one["prediction"]["prediction_id"] for one in answers}) == 2
    assert post("/predict", {"text": "words"}).body["post_id"] == "0"


def test_each_invalid_post_of_several_is_answered_with_a_problem(aws, champion):
    answer = post("/predict", [POSTS[0], {"text": 5}, POSTS[1], "words"])
    assert answer.status == 207
    assert [set(one) for one in answer.body["results"]] == [
        {"prediction"}, {"problem"}, {"prediction"}, {"problem"},
    ]  # fmt: skip
    problems = [one["problem"] for one in answer.body["results"] if "problem" in one]
    assert [one["title"] for one in problems] == ["Text invalid", "Not an object"]
    assert {one["status"] for one in problems} == {422}


def test_contract_violations_are_unprocessable(aws):
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


def test_non_json_and_oversized_bodies_are_rejected(aws):
    for body, how, status in (
        ("{", {}, 400),
        (None, {}, 400),
        ("{}", {"content_type": None}, 415),
        ("text=words", {"content_type": "application/x-www-form-urlencoded"}, 415),
        (" " * (MAXIMUM_BODY_BYTES + 1), {}, 413),
    ):
        answer = ask("POST", "/predict", body, **how)
        assert (answer.status, answer.headers["content-type"]) == (status, PROBLEM)


def test_the_media_type_is_case_insensitive(aws, champion):
    answer = ask("POST", "/predict", '{"text": "words"}', content_type="Application/JSON")
    assert answer.status == 200


def test_deeply_nested_bodies_are_read_or_rejected(aws, champion):
    """A reader's limit depends on Python's version: its recursion limit, or C's stack."""

    def answers(depth):
        nested = "[" * depth + "]" * depth
        said = (
            ask("POST", "/predict", f'{{"text": "words", "more": {nested}}}'),
            ask("POST", "/labels", nested),
        )
        assert {one.status for one in said} <= {200, 400, 422}
        assert {one.reason for one in said if one.status == 400} <= {"not_json"}
        return [one.status == 400 for one in said]

    deepest = 100_000
    assert answers(deepest) == [True, True]
    for place in range(2):
        limit = bisect_left(range(deepest), True, key=lambda depth: answers(depth)[place])
        for depth in range(limit - 10, limit + 10):
            answers(depth)
    for depth in range(sys.getrecursionlimit() // 2, 20_000, 1_000):
        answers(depth)


def test_a_byte_order_mark_before_a_body_is_ignored(aws, champion):
    assert ask("POST", "/predict", '\ufeff{"text": "words"}').status == 200


def test_a_body_in_base64_is_read(aws, champion):
    body = base64.b64encode(json.dumps(POSTS[0]).encode()).decode()
    assert ask("POST", "/predict", body, is_base64=True).status == 200
