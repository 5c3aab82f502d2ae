"""Notify: sends a message about a retraining's result, or a request for manual approval."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws import service_text
from stresswatch.aws.redaction import redact_errors
from stresswatch.retraining.environments import NotifyEnvironment
from stresswatch.retraining.run_report import describe
from stresswatch.retraining.triggers import REASON, TRIGGER

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> None:
    """Publish the workflow's ``state`` in words, under a ``subject``, with references.

    ``asks`` means that the execution awaits an answer; the message then has the commands.
    """
    environment = NotifyEnvironment.parse(os.environ)
    paragraphs = [describe(event["state"])]
    if event["asks"]:
        version, stage = event["state"]["gate"]["version"], environment.stage
        paragraphs.append(
            f"The request expires in {environment.approval_hours} hours; "
            "without an answer the champion stays."
            + "".join(
                f'\n  stresswatch {answer} {version} --why "..." --stage {stage}'
                for answer in ("approve", "reject")
            )
        )
    request = event["state"]
    paragraphs.append(
        f"Started by {request.get(TRIGGER, 'unknown')}: {request.get(REASON, 'no reason given')}\n"
        f"Execution {event['execution']}"
    )
    boto3.client("sns").publish(
        TopicArn=environment.topic_arn,
        Subject=service_text.subject(event["subject"]),
        Message=service_text.message("\n\n".join(paragraphs)),
    )
    logger.info("notified", subject=event["subject"])
