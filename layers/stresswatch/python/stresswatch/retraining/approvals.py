"""Manual approval of a version, from the CLI or the model registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from stresswatch.aws import service_text
from stresswatch.aws.s3 import error_code
from stresswatch.retraining.journal import Journal

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_WAITS_NO_MORE = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}


def answer(
    states: SFNClient, journal: Journal, version: str, *, approved: bool, by: str, why: str
) -> bool:
    """Resume the execution that awaits a decision on the version; return False if none does."""
    pending = journal.approval(version)
    if pending is None:
        return False
    word = {"approved": approved, "by": by, "why": service_text.description(why)}
    waits = True
    try:
        states.send_task_success(taskToken=pending.token, output=json.dumps(word))
    except ClientError as error:
        if error_code(error) not in _WAITS_NO_MORE:
            raise
        waits = False
    journal.close_approval(version)
    return waits
