"""Admission: allows one retraining at a time, with a cool-down between two of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from stresswatch.aws.redaction import redact_errors
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.retraining.environments import AdmissionEnvironment
from stresswatch.retraining.journal import Journal
from stresswatch.retraining.lease import describe_retraining, take_lease
from stresswatch.retraining.triggers import is_by_alarm, is_forced
from stresswatch.versions.shadow import read_shadow

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()

_JUDGED_WITHIN = timedelta(minutes=15)
"""Longest duration of the last check of a new champion."""


@logger.inject_lambda_context
@metrics.log_metrics
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return whether an execution may retrain, and why not; count the declined ones.

    ``request`` is the execution's input. A forced request waives the cool-down. If an alarm sends
    it during a probation, the answer says when to repeat it, because the alarm sends it once.
    """
    environment = AdmissionEnvironment.parse(os.environ)
    metrics.set_default_dimensions(**{dimension_names.STAGE: environment.stage})
    cool_down = timedelta(minutes=environment.cool_down_minutes)
    request, now = event["request"], datetime.now(UTC)
    admission = take_lease(
        Journal(boto3.client("dynamodb"), environment.journal_table),
        partial(describe_retraining, boto3.client("stepfunctions")),
        event["execution"],
        now,
        timedelta(0) if is_forced(request) else cool_down,
        _probation_end(environment.shadow_parameter, now) if is_by_alarm(request) else None,
    )
    is_suppressed = not admission.admitted and not admission.again_at
    metrics.add_metric(metric_names.RETRAININGS_SUPPRESSED, MetricUnit.Count, int(is_suppressed))
    logger.info("admission", **asdict(admission))
    return asdict(admission)


def _probation_end(shadow_parameter: str, now: datetime) -> datetime | None:
    """Return the end of the current probation, or of one that ended and may still be judged."""
    shadow = read_shadow(boto3.client("ssm"), shadow_parameter)
    runs = shadow and shadow.on_probation and now < shadow.until + _JUDGED_WITHIN
    return shadow.until if shadow and runs else None
