"""Forms that settings of text must have, checked when a stage is made."""

from __future__ import annotations

import re
from collections.abc import Callable

_MLFLOW_ARN = re.compile(
    r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:mlflow-(app|tracking-server)/[\w-]+"
)
_SCHEDULE = re.compile(
    r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)|cron\(\S+( \S+){5}\)"
)
_HTTPS = re.compile(r"https://[\w.-]+(:\d+)?(/\S*)?")
_WITH_LOCAL_DISK = re.compile(r"ml\.([a-z]+\d+[a-z]*d[a-z]*|g[56]\w*|gr6|p5\w*|p6[\w-]*|trn\w*)\.")
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-store-volumes.html"""
_SUBNET = re.compile(r"subnet-[0-9a-f]{8,17}")
_SECURITY_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+")


def is_mlflow_arn(text: str) -> bool:
    """Return whether a text is the ARN of an MLflow app or tracking server of SageMaker."""
    return _MLFLOW_ARN.fullmatch(text) is not None


def has_local_disk(instance_type: str) -> bool:
    """Return whether a training instance has a disk of its own."""
    return _WITH_LOCAL_DISK.match(instance_type) is not None


def schedule(value: str) -> str:
    """Return an expression of EventBridge Scheduler.

    Raises
    ------
    ValueError
    """
    return _check(value, _SCHEDULE, "rate(…) or cron(…), as EventBridge writes them, or None")


def tracking_uri(value: str) -> str:
    """Return an address of MLflow.

    Raises
    ------
    ValueError
    """
    if is_mlflow_arn(value):
        return value
    return _check(
        value,
        _HTTPS,
        "the ARN of an MLflow app or tracking server of SageMaker, or begin with https://",
    )


def issuer(value: str) -> str:
    """Return the https address of an issuer of tokens.

    Raises
    ------
    ValueError
    """
    if _HTTPS.fullmatch(value):
        return value
    raise ValueError("it must begin with https://: keys are read there")


def _each(form: re.Pattern[str]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not form.fullmatch(value):
                raise ValueError(f"{value!r} must be of the form {form.pattern}")
        return values

    return check


subnets = _each(_SUBNET)
security_groups = _each(_SECURITY_GROUP)
principals = _each(_PRINCIPAL)


def _check(value: str, form: re.Pattern[str], written: str) -> str:
    if not form.fullmatch(value):
        raise ValueError(f"it must be {written}")
    return value
