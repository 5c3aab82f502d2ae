"""Dataset: assembles the training set of a retraining from the base data set and the labels."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from stresswatch.aws.redaction import redact_errors
from stresswatch.errors import InvalidInput
from stresswatch.evaluation.splits import split
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.retraining.environments import DatasetEnvironment
from stresswatch.retraining.triggers import SCHEDULE, TRIGGER, is_forced
from stresswatch.storage.training_sets import (
    BASE_PREFIX,
    LABELS_PREFIX,
    POSTS_FILE,
    TrainingSet,
    assemble,
    folder_of_training_set,
    new_labels,
    read_lines,
    read_training_set,
)
from stresswatch.storage.training_sources import SOURCES_FILE, BaseReader
from stresswatch.text.wording import counted
from stresswatch.versions.champion import read_pointer
from stresswatch.versions.model_version import judged_versions, sha256, version_name

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client

logger = Logger()
metrics = Metrics()


class EmptyDataSet(InvalidInput):
    """There is no labelled post to train on."""


class NoBaseHoldout(InvalidInput):
    """The base data holds no post by which a model could be judged."""


@logger.inject_lambda_context
@metrics.log_metrics
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write the training set; answer its place and make-up, and the name of the version to be.

    Where too few labels are new since a version was last judged, the answer says that the
    retraining is declined, and nothing is written: it could teach nothing. A forced request
    waives that.

    Raises
    ------
    EmptyDataSet
        When neither the base data set nor the labels hold a valid post. The schedule of a stage
        that never had one is declined instead: its first turn comes right after the deployment.
    NoBaseHoldout
        When the gate would have no post of the base data to judge by, after a whole training.
    """
    environment = DatasetEnvironment.parse(os.environ)
    metrics.set_default_dimensions(**{dimension_names.STAGE: environment.stage})
    now = datetime.now(UTC)
    s3 = boto3.client("s3")
    bucket = environment.training_bucket
    base = BaseReader(s3, bucket)
    training_set = assemble(base.lines(), read_lines(s3, bucket, LABELS_PREFIX), now)
    posts = len(training_set.posts)
    if posts:
        new, declined = _new_labels(s3, environment, training_set)
    else:
        new, declined = 0, _not_begun(event, s3, environment, training_set)
    if is_forced(event):
        declined = None
    metrics.add_metric(
        metric_names.RETRAININGS_DECLINED, MetricUnit.Count, int(declined is not None)
    )
    _count(metric_names.CONTRADICTORY_POSTS, training_set.contradictory)
    _count(metric_names.FUTURE_LABELS, training_set.future)
    answer: dict[str, Any] = {
        "posts": posts,
        "base_posts": len(training_set.base),
        "labelled_posts": len(training_set.new),
        "new_labels": new,
        "invalid": training_set.invalid,
        "future_labels": training_set.future,
        "contradictory_posts": training_set.contradictory,
        "unweighted_posts": training_set.unweighted,
        "declined": declined,
    }
    logger.info("dataset", **answer)
    if declined:
        return answer
    if all(post.labelled_at is not None for post in split(training_set.posts).evaluation):
        raise NoBaseHoldout(
            f"No post under {BASE_PREFIX} that is kept for evaluation still has its first label, "
            "and the gate judges by those; upload more base data with `stresswatch seed`. A post "
            "whose text also stands under an id that is learned from is not kept for evaluation."
        )
    content = training_set.to_bytes()
    digest = sha256(content)
    version = version_name(now, digest)
    folder = folder_of_training_set(bucket, version)
    for name, body in (
        (POSTS_FILE, content),
        (SOURCES_FILE, base.sources(training_set).to_bytes()),
    ):
        s3.put_object(Bucket=bucket, Key=(folder / name).key, Body=body)
    champion = read_pointer(boto3.client("ssm"), environment.champion_parameter)
    return answer | {
        "version": version,
        "dataset_uri": str(folder),
        "dataset_sha256": digest,
        "parent": champion.version if champion else "",
    }


def _count(name: str, value: int) -> None:
    """Count what should be looked at; a metric that is always 0 would cost as much."""
    if value:
        metrics.add_metric(name, MetricUnit.Count, value)


def _not_begun(
    event: Mapping[str, Any],
    s3: S3Client,
    environment: DatasetEnvironment,
    training_set: TrainingSet,
) -> str:
    """Say that there is nothing to train on yet, if only the schedule asked and nobody seeded.

    Raises
    ------
    EmptyDataSet
    """
    missing = (
        f"No labelled post under {BASE_PREFIX} or {LABELS_PREFIX}, and {training_set.invalid} "
        "invalid lines; upload a base data set with `stresswatch seed`"
    )
    is_new = not training_set.invalid and not judged_versions(s3, environment.model_bucket)
    if event.get(TRIGGER) == SCHEDULE and is_new and not is_forced(event):
        return missing
    raise EmptyDataSet(f"{missing}.")


def _new_labels(
    s3: S3Client, environment: DatasetEnvironment, training_set: TrainingSet
) -> tuple[int, str | None]:
    """Count the labels that no judged version knew, and say so if they are too few."""
    judged = judged_versions(s3, environment.model_bucket)
    if not judged:
        return len(training_set.new), None
    last, minimum = judged[-1], environment.minimum_new_labels
    known = folder_of_training_set(environment.training_bucket, last)
    new = new_labels(training_set, read_training_set(s3, known))
    if new >= minimum:
        return new, None
    return new, (
        f"{counted(new, 'label is', 'labels are')} new since {last} was judged, and {minimum} are "
        "asked for; `stresswatch label` submits more"
    )
