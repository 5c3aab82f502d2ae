"""Errors that the command reports in one sentence."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

_REFUSED_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


class OperatorError(Exception):
    """Something that the operator can act on: the message says what is wrong and what to do."""


def sentence(error: BotoCoreError | ClientError) -> str:
    """Say what AWS, or the way to it, refused, and what to do about it."""
    match error:
        case NoCredentialsError():
            return "There are no AWS credentials; log in, or set AWS_PROFILE."
        case NoRegionError():
            return "No AWS region is set; set AWS_DEFAULT_REGION."
        case EndpointConnectionError():
            return f"Nothing answers at {error.kwargs['endpoint_url']}; check the network."
        case ClientError() if _code(error) in _REFUSED_CREDENTIALS:
            return f"AWS does not accept your credentials ({_code(error)}); log in again."
        case ClientError():
            # ClientError's own text names the error code and the operation.
            return f"{str(error).rstrip('.')}."
    return f"AWS cannot be called: {str(error).rstrip('.')}."


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
