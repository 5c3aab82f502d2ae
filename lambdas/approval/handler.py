"""Approval: records that an execution awaits manual approval of a version."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws.redaction import redact_errors
from stresswatch.retraining.environments import ApprovalEnvironment
from stresswatch.retraining.journal import Journal, PendingApproval

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> None:
    """Store the token with which ``stresswatch approve`` and ``reject`` resume the execution."""
    environment = ApprovalEnvironment.parse(os.environ)
    waits = timedelta(hours=environment.approval_hours)
    pending = PendingApproval(
        version=event["version"],
        execution=event["execution"],
        token=event["token"],
        expires_at=datetime.now(UTC) + waits,
    )
    Journal(boto3.client("dynamodb"), environment.journal_table).await_approval(pending)
    logger.info("awaiting approval", version=pending.version)
