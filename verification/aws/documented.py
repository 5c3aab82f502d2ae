"""Documented restrictions on calls that the service models lack.

Each rule takes a call's parameters and returns faults as sentences that start with the member.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Parameters = Mapping[str, Any]
Rule = Callable[[Parameters], Iterator[str]]

_SUBJECT = re.compile(r"[!-~][ -~]{0,98}")
_MESSAGE_BYTES = 262_144
_STANDARD_PARAMETER = 4096
_KEY_BYTES = 1024
_EXECUTION_NAME = re.compile(r"[0-9A-Za-z_-]{1,80}")


def publish(call: Parameters) -> Iterator[str]:
    """Check a message of SNS.

    References
    ----------
    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    if "Subject" in call and not _SUBJECT.fullmatch(subject := _text(call, "Subject")):
        yield f".Subject: {subject!r} is not below 100 characters of ASCII in one line"
    message = _text(call, "Message")
    if not message:
        yield ".Message: it is empty"
    if len(message.encode()) > _MESSAGE_BYTES:
        yield f".Message: it has more than {_MESSAGE_BYTES} bytes"


def put_parameter(call: Parameters) -> Iterator[str]:
    """Check a parameter of SSM of the standard tier.

    References
    ----------
    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
    """
    value = _text(call, "Value")
    if not value:
        yield ".Value: it is empty"
    if len(value.encode()) > _STANDARD_PARAMETER and "Tier" not in call:
        yield f".Value: it has more than the {_STANDARD_PARAMETER} bytes of the standard tier"
    if "{{" in value:
        yield ".Value: a value must not refer to another parameter by {{"
    if (name := _text(call, "Name")).lower().lstrip("/").startswith(("aws", "ssm")):
        yield f".Name: {name!r} begins with aws or ssm, which are taken"


def start_execution(call: Parameters) -> Iterator[str]:
    """Check an execution's name.

    References
    ----------
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    if "name" in call and not _EXECUTION_NAME.fullmatch(name := _text(call, "name")):
        yield f".name: {name!r} has other characters than letters, digits, - and _, or over 80"


def object_key(call: Parameters) -> Iterator[str]:
    """Check the length of an object's key.

    References
    ----------
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
    """
    if len(_text(call, "Key").encode()) > _KEY_BYTES:
        yield f".Key: it has more than {_KEY_BYTES} bytes"


RULES: Mapping[tuple[str, str], Rule] = {
    ("sns", "Publish"): publish,
    ("ssm", "PutParameter"): put_parameter,
    ("stepfunctions", "StartExecution"): start_execution,
    ("s3", "PutObject"): object_key,
    ("s3", "CopyObject"): object_key,
}
"""Rules by botocore's service name, and operation."""


def faults(service: str, operation: str, parameters: Parameters) -> list[str]:
    """Return the faults that the service rejects beyond its model."""
    rule = RULES.get((service, operation))
    return list(rule(parameters)) if rule else []


def _text(call: Parameters, member: str) -> str:
    """Return a member; an empty text for other types, which botocore rejects."""
    value = call.get(member)
    return value if isinstance(value, str) else ""
