"""Compare: judges a challenger by its predictions of live posts as the champion's shadow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws.redaction import redact_errors
from stresswatch.retraining.environments import CompareEnvironment
from stresswatch.retraining.live_archive import LiveArchive
from stresswatch.retraining.shadow_gate import judge_shadow, parent_gone
from stresswatch.retraining.verdict import Basis
from stresswatch.settled.windows import Window
from stresswatch.storage import archive
from stresswatch.versions.champion import read_pointer
from stresswatch.versions.model_version import SHADOW_FILE, keep_verdict

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the verdict, and store it with the version's files; a retry judges again.

    If another version than the parent serves by now, for example after a rollback, nothing is
    compared. A challenger can only replace the champion that it was judged against.
    """
    environment = CompareEnvironment.parse(os.environ)
    s3 = boto3.client("s3", config=archive.CONNECTIONS)
    parent, version = event["parent"], event["version"]
    serving = read_pointer(boto3.client("ssm"), environment.champion_parameter)
    if serving and serving.version == parent:
        live = LiveArchive.of(environment, s3, logger.warning).compare_shadow(
            Window.of(event, minutes=0), parent, version
        )
        posts, judged = (
            live.posts,
            judge_shadow(live, environment.gate_rules, Basis(event["basis"])),
        )
    else:
        posts, judged = 0, parent_gone(parent, serving.version if serving else "no version")
    verdict = {"posts": posts, **judged.as_dict()}
    keep_verdict(s3, environment.model_bucket, version, SHADOW_FILE, verdict)
    logger.info("shadowed", version=version, accepted=verdict["accepted"], posts=posts)
    return verdict
