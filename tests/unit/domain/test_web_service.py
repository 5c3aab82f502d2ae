"""The web service's decisions, and the equality of its machine-readable contract and its parser."""

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.contracts.labelled_posts import parse_record
from stresswatch.contracts.posts import NUMERIC_FEATURES, InvalidPost, read_post
from stresswatch.serving import web_schemas
from stresswatch.serving.web_service import (
    MAXIMUM_BODY_BYTES,
    Problem,
    check_body,
    no_route,
    read_labels,
)
from tests.conftest import PROJECT

JSON = "application/json"


@pytest.mark.parametrize(
    ("body", "is_base64", "content_type", "status", "reason"),
    [
        ("{", False, JSON, 400, "not_json"),
        ("", False, JSON, 400, "not_json"),
        ("[" * 200_000, False, JSON, 400, "not_json"),
        ("9" * 5000, False, JSON, 400, "not_json"),
        ("\ud800", False, JSON, 400, "not_utf8"),
        (base64.b64encode(b'"\xff"').decode(), True, JSON, 400, "not_utf8"),
        ("{}", False, "", 415, "media_type_unsupported"),
        ("{}", False, "text/plain", 415, "media_type_unsupported"),
        (" " * (MAXIMUM_BODY_BYTES + 1), False, JSON, 413, "body_too_large"),
    ],
)
def test_an_invalid_body_is_rejected_with_its_status_and_reason(
    body, is_base64, content_type, status, reason
):
    with pytest.raises(Problem) as raised:
        check_body(content_type, body, is_base64=is_base64)
    assert (raised.value.status, raised.value.reason) == (status, reason)


@pytest.mark.parametrize("content_type", [JSON, "Application/JSON; charset=utf-8"])
def test_a_json_body_is_accepted(content_type):
    check_body(content_type, " " * (MAXIMUM_BODY_BYTES - 2) + "{}", is_base64=False)


def test_a_problem_has_the_members_of_rfc_9457():
    assert no_route("/predict").as_dict() == {
        "type": "urn:stresswatch:problem:method_not_allowed",
        "title": "Method not allowed",
        "status": 405,
        "detail": "the path takes POST",
    }


SECRET = "zqsecretqz"
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from([SECRET, " \t\n", "\u2003", "\x1c", "x" * 256, "x" * 257, "x" * 40_001]),
)
MOMENTS = st.one_of(
    st.datetimes(timezones=st.just(None)).map(lambda timestamp: f"{timestamp.isoformat()}Z"), TEXTS
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.just(10**400),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
    st.lists(TEXTS, max_size=1),
)
"""Values of any field, valid or not."""


def records(required, optional):
    """Records in which most fields hold valid values, and any may hold anything."""
    return st.one_of(
        st.fixed_dictionaries(
            {name: st.one_of(good, VALUES) for name, good in required.items()},
            optional={name: st.one_of(good, VALUES) for name, good in optional.items()},
        ),
        st.fixed_dictionaries(required, optional=optional),
        VALUES,
    )


POST = {"text": TEXTS}
OPTIONAL = {
    "post_id": TEXTS,
    "created_at": MOMENTS,
    "source": TEXTS,
    "reasons": st.booleans(),
    "title": VALUES,
    **{name: st.floats(allow_nan=False, allow_infinity=False) for name in NUMERIC_FEATURES},
}
LABEL = POST | {"post_id": TEXTS, "label": st.sampled_from([0, 1])}
OPTIONAL_OF_LABEL = {name: OPTIONAL[name] for name in OPTIONAL.keys() - {"post_id"}} | {
    "labelled_at": MOMENTS,
    "confidence": st.floats(0, 1),
}


def is_read(read, record):
    try:
        read(record)
    except InvalidPost as error:
        return error.reason
    return True


def agrees(model, read, record):
    """Return whether document and parser agree on a record that both can judge."""
    schema = model.model_json_schema()
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    is_described = validator.is_valid(record)
    outcome = is_read(read, record)
    if outcome is True:
        return is_described
    # JSON Schema has numbers of any size and lacks a calendar.
    beyond = {"number_not_finite", "created_at_invalid", "labelled_at_invalid"}
    return not is_described or outcome in beyond


@given(records(POST, OPTIONAL))
def test_the_schema_and_the_parser_agree_on_posts(record):
    assert agrees(web_schemas.Post, lambda one: read_post(one, "0"), record)


@given(records(LABEL, OPTIONAL_OF_LABEL))
def test_the_schema_and_the_parser_agree_on_labels(record):
    assert agrees(web_schemas.LabelledPost, parse_record, record)


@given(st.lists(records(LABEL, OPTIONAL_OF_LABEL), min_size=1, max_size=3))
def test_problems_never_quote_the_request(sent):
    try:
        read_labels(sent, datetime.now(UTC))
    except Problem as problem:
        assert SECRET not in json.dumps(problem.as_dict())


def test_the_predictor_does_not_import_web_service_libraries():
    code = "import sys, lambdas.predictor.handler; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert "stresswatch.contracts.predictions" in loaded
    assert {"pydantic", "aws_lambda_powertools.event_handler"} & set(loaded) == set()
