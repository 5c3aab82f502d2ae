"""Dataset: assembles a retraining's training set from the base data and the labels."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from stresswatch.aws.redaction import redact_errors
from stresswatch.errors import InvalidInput
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.retraining.environments import DatasetEnvironment
from stresswatch.retraining.triggers import SCHEDULE, TRIGGER, is_forced
from stresswatch.storage.archive import CONNECTIONS
from stresswatch.storage.assembly import TrainingSet, assemble
from stresswatch.storage.training_sets import (
    BASE_PREFIX,
    LABELS_PREFIX,
    POSTS_FILE,
    folder_of_training_set,
    read_lines,
    stream_lines,
    valid_posts,
)
from stresswatch.storage.training_sources import SOURCES_FILE, base_sources
from stresswatch.text.wording import counted
from stresswatch.versions.champion import read_pointer
from stresswatch.versions.model_version import judged_versions, version_name

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client

logger = Logger()
metrics = Metrics()


class EmptyDataSet(InvalidInput):
    """There are no labelled posts to train on."""


class NoBaseHoldout(InvalidInput):
    """The base holdout is empty, so no model can be judged."""


@logger.inject_lambda_context
@metrics.log_metrics
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write the training set; return its location, make-up and the new version's name.

    If too few labels are new since the last judged version, the answer declines the retraining, and
    nothing is written. A forced request waives this rule.

    Raises
    ------
    EmptyDataSet
        When neither the base data nor the labels hold a valid post. On a new stage, a scheduled
        request is declined instead, because its first run follows the deployment.
    NoBaseHoldout
        When the gate would have no base holdout to judge by, after a complete training.
    """
    environment = DatasetEnvironment.parse(os.environ)
    metrics.set_default_dimensions(**{dimension_names.STAGE: environment.stage})
    now = datetime.now(UTC)
    s3 = boto3.client("s3", config=CONNECTIONS)
    bucket = environment.training_bucket
    labels = read_lines(s3, bucket, LABELS_PREFIX)
    with assemble(base_sources(s3, bucket), labels, now) as training_set:
        answer = _describe(event, environment, s3, training_set)
        logger.info("dataset", **answer)
        if answer["declined"]:
            return answer
        return answer | _write(environment, s3, training_set, now)


def _describe(
    event: Mapping[str, Any],
    environment: DatasetEnvironment,
    s3: S3Client,
    training_set: TrainingSet,
) -> dict[str, Any]:
    """Return a training set's make-up, and the reason to decline a retraining with it, if any."""
    made = training_set.sources
    if made.counts.posts:
        new, declined = _new_labels(s3, environment, training_set)
    else:
        new, declined = 0, _not_begun(event, s3, environment, made.invalid)
    if is_forced(event):
        declined = None
    metrics.add_metric(
        metric_names.RETRAININGS_DECLINED, MetricUnit.Count, int(declined is not None)
    )
    _count(metric_names.CONTRADICTORY_POSTS, training_set.contradictory)
    _count(metric_names.FUTURE_LABELS, training_set.future)
    return {
        "posts": made.counts.posts,
        "base_posts": made.counts.posts - made.labels,
        "labelled_posts": made.labels,
        "new_labels": new,
        "invalid": made.invalid,
        "future_labels": training_set.future,
        "contradictory_posts": training_set.contradictory,
        "unweighted_posts": made.counts.unweighted,
        "declined": declined,
    }


def _write(
    environment: DatasetEnvironment, s3: S3Client, training_set: TrainingSet, now: datetime
) -> dict[str, str]:
    """Write a training set; return its location, and the names of its version and the champion.

    Raises
    ------
    NoBaseHoldout
    """
    if not training_set.has_base_holdout():
        raise NoBaseHoldout(
            f"No evaluation post under {BASE_PREFIX} still has its first label, "
            "and the gate needs such posts; upload more base data with `stresswatch seed`. A post "
            "whose text also occurs under a training post's id is never an evaluation post."
        )
    bucket = environment.training_bucket
    with TemporaryFile() as posts:
        digest = training_set.write(posts)
        version = version_name(now, digest)
        folder = folder_of_training_set(bucket, version)
        posts.seek(0)
        s3.put_object(Bucket=bucket, Key=(folder / POSTS_FILE).key, Body=posts)
    sources = training_set.sources.to_bytes()
    s3.put_object(Bucket=bucket, Key=(folder / SOURCES_FILE).key, Body=sources)
    champion = read_pointer(boto3.client("ssm"), environment.champion_parameter)
    return {
        "version": version,
        "dataset_uri": str(folder),
        "dataset_sha256": digest,
        "parent": champion.version if champion else "",
    }


def _count(name: str, value: int) -> None:
    """Count what needs attention; a metric that is always 0 would cost as much."""
    if value:
        metrics.add_metric(name, MetricUnit.Count, value)


def _not_begun(
    event: Mapping[str, Any],
    s3: S3Client,
    environment: DatasetEnvironment,
    invalid: int,
) -> str:
    """Say that there is no data yet, if only the schedule asked and the stage was never seeded.

    Raises
    ------
    EmptyDataSet
    """
    missing = (
        f"No labelled posts under {BASE_PREFIX} or {LABELS_PREFIX}, and {invalid} "
        "invalid lines; upload base data with `stresswatch seed`"
    )
    is_new = not invalid and not judged_versions(s3, environment.model_bucket)
    if event.get(TRIGGER) == SCHEDULE and is_new and not is_forced(event):
        return missing
    raise EmptyDataSet(f"{missing}.")


def _new_labels(
    s3: S3Client, environment: DatasetEnvironment, training_set: TrainingSet
) -> tuple[int, str | None]:
    """Count the labels that are new since the last judged version; return a reason if too few."""
    judged = judged_versions(s3, environment.model_bucket)
    if not judged:
        return training_set.sources.labels, None
    last, minimum = judged[-1], environment.minimum_new_labels
    known = folder_of_training_set(environment.training_bucket, last) / POSTS_FILE
    new = training_set.new_labels(valid_posts(stream_lines(s3, known)))
    if new >= minimum:
        return new, None
    return new, (
        f"{counted(new, 'label is', 'labels are')} new since {last} was judged, and {minimum} are "
        "required; `stresswatch label` submits more"
    )
