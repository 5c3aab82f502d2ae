"""Errors of the command, and the sentences in which it reports them.

::

    OperatorError              reported in one sentence; the command exits with 1
    ├── NoSuchStack            nothing is deployed under the name of a stage
    ├── FileRefused            a file of posts is not read
    ├── LocalStackStopped      the local stack does not answer
    └── DemoFailed             the demo's deployment did something unexpected

    ReplayError                caught within `stresswatch replay`
    ├── UnreadableObject       an object of the quarantine bucket has an unknown form
    └── PredictorFailed        the predictor failed on a batch

`cli.console` reports `local.LocalStackError`, `OSError` and what boto3 raises in one sentence too.
"""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

from stresswatch.aws.s3 import error_code

_REFUSED_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


class OperatorError(Exception):
    """An error that the operator can act on: the message says what is wrong and what to do."""


class NoSuchStack(OperatorError):
    """Nothing is deployed under the name of a stage."""


class FileRefused(OperatorError):
    """A rejected file: the message says what is wrong, where, and what to do.

    Attributes
    ----------
    reason : str
        One word for counting, such as ``column_missing``.
    """

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


class LocalStackStopped(OperatorError):
    """The local stack does not answer."""


class DemoFailed(OperatorError):
    """The demo's deployment did something unexpected."""


class ReplayError(Exception):
    """An error that `stresswatch replay` counts before it continues."""


class UnreadableObject(ReplayError):
    """An object has neither the form of the quarantine nor that of Lambda's failure destination."""


class PredictorFailed(ReplayError):
    """The predictor failed on a batch; the message is the kind of its error."""


def raise_if_stopped(error: BotoCoreError | ClientError, *, is_local: bool) -> None:
    """Raise `LocalStackStopped` if nothing answers at the local stack's endpoint."""
    if is_local and isinstance(error, EndpointConnectionError):
        raise LocalStackStopped(
            "The local stack does not answer: it was stopped. Start one with `stresswatch up`, and "
            "then type your command again."
        ) from error


def sentence(error: BotoCoreError | ClientError) -> str:
    """Return a sentence about an error of AWS or the network, and what to do."""
    match error:
        case NoCredentialsError():
            return "There are no AWS credentials; log in, or set AWS_PROFILE."
        case NoRegionError():
            return "No AWS region is set; set AWS_DEFAULT_REGION."
        case EndpointConnectionError():
            return f"Nothing answers at {error.kwargs['endpoint_url']}; check the network."
        case ClientError() if error_code(error) in _REFUSED_CREDENTIALS:
            return f"AWS does not accept your credentials ({error_code(error)}); log in again."
        case ClientError():
            # ClientError's own text names the error code and the operation.
            return f"{str(error).rstrip('.')}."
    return f"AWS cannot be called: {str(error).rstrip('.')}."
