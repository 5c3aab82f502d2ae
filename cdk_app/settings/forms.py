"""Formats of text settings, checked when a stage is made."""

from __future__ import annotations

import re
from collections.abc import Callable

_MLFLOW_ARN = re.compile(
    r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:mlflow-(app|tracking-server)/[\w-]+"
)
_RATE = re.compile(r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)")
_CRON = re.compile(r"cron\((.*)\)")
_HTTPS = re.compile(r"https://[\w.-]+(:\d+)?(/\S*)?")
_WITH_LOCAL_DISK = re.compile(r"ml\.([a-z]+\d+[a-z]*d[a-z]*|g[56]\w*|gr6|p5\w*|p6[\w-]*|trn\w*)\.")
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-store-volumes.html"""
_INSTANCE_TYPE = re.compile(r"ml\.[a-z][a-z0-9-]*\.(\d*x)?(nano|micro|small|medium|large|metal)")
_PIPELINE = re.compile(r"[a-z][a-z0-9-]{0,62}")
_EXPERIMENT = re.compile(r"\w[\w-]{0,99}")
_SUBNET = re.compile(r"subnet-[0-9a-f]{8,17}")
_SECURITY_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+")


def _times(value: str, *others: str) -> re.Pattern[str]:
    """Return the pattern of a cron field: values, ranges and steps, or another kind."""
    one = "|".join([rf"(\*|({value})(-({value}))?)(/\d+)?", *others])
    return re.compile(rf"({one})(,({one}))*")


_DAY_OF_MONTH = r"0?[1-9]|[12]\d|3[01]"
_DAY_OF_WEEK = "[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT"
_MONTH = "0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_CRON_FIELDS = (
    _times(r"[0-5]?\d"),
    _times(r"[01]?\d|2[0-3]"),
    _times(_DAY_OF_MONTH, r"\?", "LW?", rf"({_DAY_OF_MONTH})W"),
    _times(_MONTH),
    _times(_DAY_OF_WEEK, r"\?", rf"({_DAY_OF_WEEK})?L", rf"({_DAY_OF_WEEK})#[1-5]"),
    _times(r"19[7-9]\d|2[01]\d\d"),
)
"""https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based"""


def is_mlflow_arn(text: str) -> bool:
    """Return whether a text is the ARN of an MLflow app or tracking server in SageMaker."""
    return _MLFLOW_ARN.fullmatch(text) is not None


def has_local_disk(instance_type: str) -> bool:
    """Return whether a training instance has a local disk."""
    return _WITH_LOCAL_DISK.match(instance_type) is not None


def schedule(value: str) -> str:
    """Return an expression of EventBridge Scheduler.

    Raises
    ------
    ValueError
    """
    if _RATE.fullmatch(value) or _is_cron(value):
        return value
    raise ValueError(
        "it must be as EventBridge writes them, such as rate(1 day) or cron(0 3 * * ? *), or None"
    )


def _is_cron(value: str) -> bool:
    """Return whether each field is valid, and one of the two day fields is open."""
    found = _CRON.fullmatch(value)
    fields = found[1].split(" ") if found else []
    return (
        len(fields) == len(_CRON_FIELDS)
        and all(form.fullmatch(each) for form, each in zip(_CRON_FIELDS, fields, strict=True))
        and (fields[2] == "?") != (fields[4] == "?")
    )


def instance_type(value: str) -> str:
    """Return a training instance type by its format; SageMaker knows which exist.

    Raises
    ------
    ValueError
    """
    return _check(value, _INSTANCE_TYPE, "a type of SageMaker, such as ml.m5.large")


def pipeline(value: str) -> str:
    """Return a pipeline's name; which there are is the training job's to say.

    Raises
    ------
    ValueError
    """
    return _check(value, _PIPELINE, "a pipeline's name, such as gradient-boosting")


def runbooks(value: str) -> str:
    """Return a folder or an address.

    Raises
    ------
    ValueError
    """
    return _check(
        value,
        re.compile(r"\S+"),
        "a folder or an address without blanks, such as https://example.org/runbooks",
    )


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


def experiment(value: str) -> str:
    """Return the name of an MLflow experiment.

    Raises
    ------
    ValueError
    """
    return _check(value, _EXPERIMENT, "a name of letters, digits, - and _, such as weekly-models")


def issuer(value: str) -> str:
    """Return the https address of an issuer of tokens.

    Raises
    ------
    ValueError
    """
    if _HTTPS.fullmatch(value):
        return value
    raise ValueError("it must begin with https://: keys are read there")


def _each(form: re.Pattern[str], written: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not form.fullmatch(value):
                raise ValueError(f"{value!r} must be {written}")
        return values

    return check


subnets = _each(_SUBNET, "the id of a subnet, such as subnet-0a1b2c3d4e5f60718")
security_groups = _each(_SECURITY_GROUP, "the id of a security group, such as sg-0a1b2c3d4e5f60718")
principals = _each(
    _PRINCIPAL, "the ARN of a role or a user, such as arn:aws:iam::123456789012:role/keys"
)


def _check(value: str, form: re.Pattern[str], written: str) -> str:
    if not form.fullmatch(value):
        raise ValueError(f"it must be {written}")
    return value
