"""Plan: decides what a run of the monitoring workflow settles and measures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws.redaction import redact_errors
from stresswatch.settled.environments import PlanEnvironment
from stresswatch.settled.listing import look_at, measured_windows
from stresswatch.settled.places import PREDICTIONS, SHADOW
from stresswatch.settled.plan import (
    asked_windows,
    plan_asked,
    plan_scheduled,
    scheduled_windows,
)
from stresswatch.settled.windows import Window

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return what to settle and to measure.

    ``start`` and ``end`` name a window on demand, for immediate measurement. Otherwise the plan
    covers all windows due at the ``time`` of a schedule, which stays the same in a retry.

    Raises
    ------
    stresswatch.settled.windows.InvalidWindow
    """
    environment = PlanEnvironment.parse(os.environ)
    s3, bucket = boto3.client("s3"), environment.archive_bucket
    minutes = environment.window_minutes
    window = Window.of(event, minutes)
    is_asked_for = event.keys() & {"start", "end"}
    if is_asked_for:
        grid = asked_windows(window, minutes, datetime.now(UTC))
    else:
        grid = scheduled_windows(window.end, minutes)
    predictions, shadow = (look_at(s3, bucket, one, grid) for one in (PREDICTIONS, SHADOW))
    if is_asked_for:
        plan = plan_asked(predictions, [shadow], window)
    else:
        measured = measured_windows(s3, bucket, grid)
        plan = plan_scheduled(
            predictions, [shadow], grid, measured, environment.quality_every_hours
        )
    logger.info("plan", jobs=len(plan.jobs), windows=len(plan.windows), quality=bool(plan.quality))
    return plan.to_dict()
