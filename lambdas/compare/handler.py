"""Compare: judges a challenger by what it said of live posts while it shadowed the champion."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws.redaction import redact_errors
from stresswatch.contracts.identity import identity_key
from stresswatch.monitoring.live_quality import newest_labels
from stresswatch.monitoring.windows import Window
from stresswatch.retraining.environments import CompareEnvironment
from stresswatch.retraining.shadow_gate import judge_shadow, parent_gone
from stresswatch.storage import archive
from stresswatch.storage.training_sets import LABELS_PREFIX, read_lines
from stresswatch.versions.champion import read_pointer
from stresswatch.versions.model_version import SHADOW_FILE, folder_of_version
from stresswatch.versions.shadow import ARCHIVE_PREFIX, GRACE
from stresswatch.versions.trained_texts import read_trained_texts

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer the verdict, and keep it beside the version's files; a retry judges once more.

    Where another version serves by now than the parent, after a rollback say, nothing is compared:
    a challenger is promoted in the place of the champion that it was judged against, or not at all.
    """
    environment = CompareEnvironment.parse(os.environ)
    s3, bucket = boto3.client("s3", config=archive.CONNECTIONS), environment.archive_bucket
    window, version = Window.of(event, minutes=0), event["version"]
    champion = [
        row
        for row in archive.read(s3, bucket, window.start, window.end)
        if row["model_version"] == event["parent"]
    ]
    challenger = [
        row
        for row in archive.read(s3, bucket, window.start, window.end + GRACE, prefix=ARCHIVE_PREFIX)
        if row["model_version"] == version
    ]
    key, training = identity_key(environment.identity_secret)(), environment.training_bucket
    labels = newest_labels(read_lines(s3, training, LABELS_PREFIX), key)
    learned = {
        one: read_trained_texts(s3, training, one, key) for one in (event["parent"], version)
    }
    rules = environment.gate_rules
    serving = read_pointer(boto3.client("ssm"), environment.champion_parameter)
    verdict = {
        "posts": len(champion),
        **(
            judge_shadow(
                champion,
                challenger,
                labels,
                rules,
                trained_texts=frozenset().union(*filter(None, learned.values())),
            )
            if serving and serving.version == event["parent"]
            else parent_gone(event["parent"], serving.version if serving else "no version")
        ).as_dict(),
    }
    for one in (name for name, texts in learned.items() if texts is None):
        logger.warning(
            "no training set: posts that the version was trained on are not left out",
            model_version=one,
        )
    place = folder_of_version(environment.model_bucket, version) / SHADOW_FILE
    s3.put_object(Bucket=place.bucket, Key=place.key, Body=json.dumps(verdict, indent=2).encode())
    logger.info("shadowed", version=version, accepted=verdict["accepted"], posts=len(champion))
    return verdict
