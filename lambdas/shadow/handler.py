"""Shadow: lets a second version score live posts beside the champion for a limited time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws.redaction import redact_errors
from stresswatch.clock import to_the_second
from stresswatch.retraining.environments import ShadowEnvironment
from stresswatch.versions.champion import Pointer
from stresswatch.versions.model_files import verify_model
from stresswatch.versions.shadow import GRACE, ShadowPointer, write_shadow

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, str]:
    """Point the predictors to a version for a limited time; return when to compare it.

    The version is a challenger that the gate accepted, or the previous champion if ``on_probation``
    names the new one.

    Raises
    ------
    DigestMismatch, CorruptArtefact
        When the model file differs from the judged one.
    """
    environment = ShadowEnvironment.parse(os.environ)
    version = Pointer(event["version"], event["uri"], event["sha256"])
    verify_model(boto3.client("s3"), version)
    # A warm predictor notices the pointer once the time to live of its cached one has passed.
    begins = datetime.now(UTC) + timedelta(seconds=environment.champion_ttl_seconds)
    ends = begins + timedelta(seconds=event["seconds"])
    pointer = ShadowPointer(version, ends + GRACE, event.get("on_probation", ""))
    write_shadow(boto3.client("ssm"), environment.shadow_parameter, pointer)
    logger.info("shadowing", version=version.version, until=ends.isoformat())
    return {"start": to_the_second(begins), "end": to_the_second(ends)}
