"""Errors that may leave a function, and their words."""

import traceback

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from stresswatch.aws.redaction import UnforeseenError, cause, redact_errors
from stresswatch.contracts.posts import InvalidPost

POST = "words that nobody else may read"


@redact_errors
def handler(error):
    raise error


@pytest.mark.parametrize(
    "error", [ValueError(POST), KeyError(POST), UnicodeEncodeError("utf-8", POST, 0, 1, POST)]
)
def test_a_library_error_is_raised_without_its_message(error):
    with pytest.raises(UnforeseenError) as raised:
        handler(error)
    assert str(raised.value).startswith(f"{type(error).__name__} at test_redaction.py:")
    # Lambda prints the error, and every other one that it is chained to.
    assert POST not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    "error",
    [
        InvalidPost("text_empty", "text must not be blank"),
        ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "GetObject"),
    ],
)
def test_own_errors_and_aws_errors_are_raised_unchanged(error):
    with pytest.raises(type(error)) as raised:
        handler(error)
    assert raised.value is error


def test_a_handlers_result_is_returned_unchanged():
    assert redact_errors(lambda event, context: (event, context))(1, context=2) == (1, 2)


def test_the_cause_of_an_aws_error_is_its_operation_and_code():
    refusal = ClientError({"Error": {"Code": "SlowDown", "Message": POST}}, "PutObject")
    assert cause(refusal) == "PutObject: SlowDown"
    assert cause(ReadTimeoutError(endpoint_url=POST)) == "ReadTimeoutError"
