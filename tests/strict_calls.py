"""Every call that a test makes of AWS, held against the service's model.

moto and the local stack take values that AWS refuses. A fault is raised where the call is made, and
kept until the test ends, as code may catch what its call raises.
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
    """AWS would refuse the call that a test makes."""


def install() -> None:
    """Check the calls of every session that is made from now on."""
    entry = ("before-parameter-build", check)
    if entry not in handlers.BUILTIN_HANDLERS:
        handlers.BUILTIN_HANDLERS.append(entry)


def check(params: Mapping[str, Any], model: OperationModel, **_: Any) -> None:
    """Raise what AWS would refuse of a call's parameters."""
    refused = faults(model, params)
    if refused:
        called = f"{model.service_model.service_name}:{model.name}"
        keep(fault := f"{called}: {'; '.join(refused)}")
        raise RefusedByAws(fault)


def keep(fault: str) -> None:
    """Keep a fault until the test ends, which then fails."""
    _found.append(fault)


def checked(service: str, operation: str, **parameters: Any) -> None:
    """Check what a test's own stand-in for a client was called with."""
    check(parameters, service_model(service).operation_model(operation))


def take() -> list[str]:
    """Return the faults since the last look."""
    taken = _found.copy()
    _found.clear()
    return taken


@contextmanager
def refused() -> Iterator[list[str]]:
    """Expect faults: what is found within is handed over, and fails no test."""
    before = take()
    handed: list[str] = []
    try:
        yield handed
    finally:
        handed += take()
        _found.extend(before)
