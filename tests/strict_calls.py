"""Every AWS call of a test, checked against the service's model.

moto and the local stack accept values that AWS refuses. A fault is raised in the call, and
kept until the test ends, as code may catch the call's errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore import handlers
from botocore.model import OperationModel

from verification.aws.service_models import all_faults as faults
from verification.aws.service_models import service as service_model

_found: list[str] = []


class RefusedByAws(AssertionError):
    """AWS would refuse the test's call."""


def install() -> None:
    """Check the calls of every new session."""
    entry = ("before-parameter-build", check)
    if entry not in handlers.BUILTIN_HANDLERS:
        handlers.BUILTIN_HANDLERS.append(entry)


def check(params: Mapping[str, Any], model: OperationModel, **_: Any) -> None:
    """Raise an error for parameters that AWS would refuse."""
    refused = faults(model, params)
    if refused:
        called = f"{model.service_model.service_name}:{model.name}"
        keep(fault := f"{called}: {'; '.join(refused)}")
        raise RefusedByAws(fault)


def keep(fault: str) -> None:
    """Keep a fault until the test ends, which then fails."""
    _found.append(fault)


def checked(service: str, operation: str, **parameters: Any) -> None:
    """Check the parameters of a test's own client double."""
    check(parameters, service_model(service).operation_model(operation))


def take() -> list[str]:
    """Return the faults since the last look."""
    taken = _found.copy()
    _found.clear()
    return taken


@contextmanager
def refused() -> Iterator[list[str]]:
    """Expect faults: those found within are returned, and fail no test."""
    before = take()
    handed: list[str] = []
    try:
        yield handed
    finally:
        handed += take()
        _found.extend(before)
