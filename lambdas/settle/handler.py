"""Settle: turns one shard's predictions of one window into unique rows and a summary."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws.redaction import redact_errors
from stresswatch.settled.environments import SettleEnvironment
from stresswatch.settled.plan import Job
from stresswatch.settled.settle import settle
from stresswatch.storage import archive

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Settle a job of the plan; return its numbers of posts and objects.

    Raises
    ------
    stresswatch.settled.settle.Overtaken
        When another run wrote the same part in the meantime; retry.
    """
    environment = SettleEnvironment.parse(os.environ)
    s3 = boto3.client("s3", config=archive.CONNECTIONS)
    job = Job.of(event)
    summary = settle(
        s3, environment.archive_bucket, job.archive, job.part, environment.sample_posts
    )
    logger.info("settled", archive=job.archive.name, posts=summary.posts, objects=summary.objects)
    return {"posts": summary.posts, "objects": summary.objects}
