"""Dataset: assembles the training set of a retraining from the base data set and the labels."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.champion import read_pointer
from stresswatch.datasets import (
    BASE_PREFIX,
    LABELS_PREFIX,
    POSTS_FILE,
    assemble,
    folder_of_training_set,
    read_lines,
)
from stresswatch.discretion import discreet
from stresswatch.environment import setting
from stresswatch.versions import sha256, version_name

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


class EmptyDataSet(ValueError):
    """There is no labelled post to train on."""


@logger.inject_lambda_context
@discreet
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write the training set; answer its place and make-up, and the name of the version to be.

    Raises
    ------
    EmptyDataSet
        When neither the base data set nor the labels hold a valid post.
    """
    s3 = boto3.client("s3")
    bucket = setting("TRAINING_BUCKET")
    training_set = assemble(
        read_lines(s3, bucket, BASE_PREFIX), read_lines(s3, bucket, LABELS_PREFIX)
    )
    posts = len(training_set.base) + len(training_set.fresh)
    if not posts:
        raise EmptyDataSet(
            f"No labelled post under {BASE_PREFIX} or {LABELS_PREFIX}, and {training_set.invalid} "
            "invalid lines; upload a base data set with `stresswatch seed`."
        )
    content = training_set.to_bytes()
    digest = sha256(content)
    version = version_name(datetime.now(UTC), digest)
    folder = folder_of_training_set(bucket, version)
    target = folder / POSTS_FILE
    s3.put_object(Bucket=target.bucket, Key=target.key, Body=content)
    champion = read_pointer(boto3.client("ssm"), setting("CHAMPION_PARAMETER"))
    logger.info("dataset", version=version, posts=posts, invalid=training_set.invalid)
    return {
        "version": version,
        "dataset_uri": str(folder),
        "dataset_sha256": digest,
        "posts": posts,
        "base_posts": len(training_set.base),
        "labelled_posts": len(training_set.fresh),
        "invalid": training_set.invalid,
        "parent": champion.version if champion else "",
    }
