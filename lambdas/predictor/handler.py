"""Predictor: reads a batch from the posts stream; writes predictions, archive and quarantine."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from stresswatch.aws.redaction import cause, redact_errors
from stresswatch.clock import utc_now
from stresswatch.contracts.identity import (
    KeyUnavailable,
    ReadKey,
    digests_of_normalised,
    key_reader,
)
from stresswatch.contracts.posts import TEXT_REMOVED, Post
from stresswatch.contracts.predictions import Prediction, ReadText, Record, read_records
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.errors import Unavailable
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.serving.environments import PredictorEnvironment
from stresswatch.serving.label_sampling import LabelSampling
from stresswatch.storage import archive, quarantine
from stresswatch.streaming.kinesis_event import read_event
from stresswatch.streaming.put_records import StreamRecord, put_records
from stresswatch.text.normalisation import normalise
from stresswatch.text.wording import counted
from stresswatch.versions.champion import (
    ChampionCache,
    ChampionUnavailable,
    load_champion,
    load_model,
    read_pointer,
)
from stresswatch.versions.shadow import ARCHIVE_PREFIX, ShadowCache, read_shadow

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client

logger = Logger()
metrics = Metrics()

# A call that hangs must leave time to report the batch as unfinished.
_AWS = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
# A challenger's call must not use up the time for returning the champion's answer.
_SHADOW_AWS = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
_SHADOW_SECONDS = 15.0
"""Longest duration of the challenger's three calls and its model load, with a reserve."""


class PartialBatchFailure(Exception):
    """The batch is complete up to, but excluding, this record; the rest must be redelivered."""

    def __init__(self, sequence_number: str, cause: str):
        super().__init__(cause)
        self.sequence_number = sequence_number


@dataclass(frozen=True)
class Shadow:
    """A challenger beside the champion, if any, with its own clients."""

    stage: str
    challenger: ShadowCache
    s3: S3Client
    archive_bucket: str
    now: Callable[[], datetime] = utc_now

    def score(
        self,
        records: list[Record],
        posts: list[tuple[Record, Post]],
        texts: list[ReadText],
        *,
        has_time: bool,
    ) -> None:
        """Archive the shadowing version's predictions of a batch; count a failure."""
        if not has_time:
            if self.challenger.is_shadowing:
                _report_failed_shadow("no time left")
            return
        try:
            if served := self.challenger.current():
                predictions = served.predict_records(posts, self.now(), read_texts=texts)
                archive.write(self.s3, self.archive_bucket, records, predictions, ARCHIVE_PREFIX)
                _count_scored(self.stage, self.challenger.role, predictions)
        except Exception as error:
            # The champion's work is done, so catch any error; a library's could quote a post.
            _report_failed_shadow(cause(error))


@dataclass(frozen=True)
class Predictor:
    """The predictor and its dependencies."""

    stage: str
    champion: ChampionCache
    s3: S3Client
    kinesis: KinesisClient
    predictions_stream: str
    archive_bucket: str
    quarantine_bucket: str
    explains: ReasonsPolicy
    read_key: ReadKey
    shadow: Shadow | None = None
    sampling: LabelSampling | None = None
    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep

    def process(self, records: list[Record], seconds_left: Callable[[], float]) -> None:
        """Predict a batch and write all results.

        A shadowing challenger scores the batch after the champion's work is complete, and its
        failures cannot undo that work. It starts only if `seconds_left` of the invocation suffice.
        It also scores posts that the champion fails on, because a probation counts them.

        Quarantine is final for invalid records. If a write fails, the redelivered batch repeats all
        writes with the same effect.

        Raises
        ------
        PartialBatchFailure
            When AWS refused or failed a call.
        """
        begun = time.monotonic()
        posts, rejections = read_records(records)

        def score_beside() -> None:
            if self.shadow and posts:
                needed = _SHADOW_SECONDS + time.monotonic() - begun
                self.shadow.score(records, posts, texts, has_time=seconds_left() > needed)

        try:
            quarantine.write(self.s3, self.quarantine_bucket, rejections)
            texts = self._texts(posts)
            try:
                predictions = self._predict(posts, texts)
            except Exception:
                score_beside()
                raise
            is_queued = False
            if predictions:
                archive.write(self.s3, self.archive_bucket, records, predictions)
                is_queued = bool(self.sampling and self.sampling.keep(records, predictions))
            positions = put_records(
                self.kinesis,
                self.predictions_stream,
                [StreamRecord(one.post.post_id, one.message().encode()) for one in predictions],
                sleep=self.sleep,
            )
        except (BotoCoreError, ClientError, Unavailable) as error:
            raise PartialBatchFailure(records[0].sequence_number, _cause(error)) from error
        refused = [place for place, position in enumerate(positions) if position is None]
        reasons = Counter(rejection.reason for rejection in rejections)
        logger.info("batch", records=len(records), predicted=len(predictions), rejected=reasons)
        # Removed posts are quarantined too, but are not a producer's fault: no alarm counts them.
        removed = reasons[TEXT_REMOVED]
        numbers = chain.from_iterable(post.numbers for _, post in posts)
        counts = {
            metric_names.POSTS_READ: len(records),
            metric_names.POSTS_PREDICTED: len(predictions) - len(refused),
            metric_names.POSTS_QUARANTINED: len(rejections) - removed,
            metric_names.POSTS_REMOVED: removed,
            metric_names.OBJECTS_PUT: len(rejections) + bool(predictions) + is_queued,
            metric_names.VALUES_IMPUTED: sum(map(math.isnan, numbers)),
            metric_names.FIELDS_DROPPED: sum(len(post.dropped) for _, post in posts),
        }
        for name, count in counts.items():
            metrics.add_metric(name, MetricUnit.Count, count)
        _count_scored(self.stage, "champion", predictions)
        if refused:
            first, _ = posts[refused[0]]
            said = counted(len(refused), "prediction was", "predictions were")
            raise PartialBatchFailure(first.sequence_number, f"{said} refused")
        score_beside()

    def _texts(self, posts: list[tuple[Record, Post]]) -> list[ReadText]:
        """Read each text once, for its digest and for every model that scores it."""
        if not posts:
            return []
        normalised = [normalise(post.text) for _, post in posts]
        digests = digests_of_normalised(self.read_key(), normalised)
        return list(map(ReadText, normalised, digests))

    def _predict(self, posts: list[tuple[Record, Post]], texts: list[ReadText]) -> list[Prediction]:
        if not posts:
            return []
        served = self.champion.current()
        predictions = served.predict_records(posts, self.now(), self.explains, texts)
        return self.sampling.draw(predictions) if self.sampling else predictions


@cache
def predictor() -> Predictor:
    """Build the predictor once per execution environment, from all of its variables."""
    environment = PredictorEnvironment.parse(os.environ)
    s3, ssm = boto3.client("s3", config=_AWS), boto3.client("ssm", config=_AWS)
    read_key = key_reader(boto3.client("secretsmanager", config=_AWS), environment.identity_secret)
    return Predictor(
        stage=environment.stage,
        champion=ChampionCache(
            read=lambda: read_pointer(ssm, environment.champion_parameter),
            load=lambda pointer: load_champion(s3, pointer, environment.scorer, logger.warning),
            ttl_seconds=environment.champion_ttl_seconds,
            on_load_failure=_report_load_failure,
        ),
        shadow=_shadow(environment),
        s3=s3,
        kinesis=boto3.client("kinesis", config=_AWS),
        predictions_stream=environment.predictions_stream,
        archive_bucket=environment.archive_bucket,
        quarantine_bucket=environment.quarantine_bucket,
        explains=environment.reasons,
        read_key=read_key,
        sampling=LabelSampling.of(environment, s3, read_key),
    )


def _shadow(environment: PredictorEnvironment) -> Shadow:
    s3, ssm = boto3.client("s3", config=_SHADOW_AWS), boto3.client("ssm", config=_SHADOW_AWS)
    challenger = ShadowCache(
        read=lambda: read_shadow(ssm, environment.shadow_parameter),
        load=lambda pointer: load_model(s3, pointer, environment.scorer),
        ttl_seconds=environment.champion_ttl_seconds,
    )
    return Shadow(environment.stage, challenger, s3, environment.archive_bucket)


@logger.inject_lambda_context
@metrics.log_metrics
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a Kinesis event with the records that must be delivered again.

    Raises
    ------
    stresswatch.aws.environment.InvalidEnvironment
    stresswatch.streaming.kinesis_event.InvalidEvent
        When the sender is not an event source mapping; no record was processed.
    """
    serving = predictor()
    metrics.set_default_dimensions(**{dimension_names.STAGE: serving.stage})
    records = read_event(event)
    try:
        serving.process(records, lambda: context.get_remaining_time_in_millis() / 1000)
    except PartialBatchFailure as error:
        logger.warning("partial batch failure", cause=str(error), records=len(records))
        metrics.add_metric(metric_names.PARTIAL_FAILURES, MetricUnit.Count, 1)
        _count_partial_batch_failure(serving.stage, context.function_version)
        return {"batchItemFailures": [{"itemIdentifier": error.sequence_number}]}
    return {"batchItemFailures": []}


def _count_scored(stage: str, role: str, predictions: list[Prediction]) -> None:
    """Count the posts that a model version scored, as the version's own metric."""
    if predictions:
        with single_metric(metric_names.POSTS_SCORED, MetricUnit.Count, len(predictions)) as scored:
            scored.add_dimension(dimension_names.STAGE, stage)
            scored.add_dimension(dimension_names.ROLE, role)
            scored.add_dimension(dimension_names.MODEL_VERSION, predictions[0].model_version)


def _count_partial_batch_failure(stage: str, version: str) -> None:
    """Count a batch that this code version reported as failed; a canary alarm watches it."""
    with single_metric(metric_names.PARTIAL_FAILURES, MetricUnit.Count, 1) as failures:
        failures.add_dimension(dimension_names.STAGE, stage)
        failures.add_dimension(dimension_names.SERVICE, "predictor")
        failures.add_dimension(dimension_names.CODE_VERSION, version)


def _cause(error: Exception) -> str:
    # The cause of a missing champion or key never quotes a post.
    is_ours = isinstance(error, ChampionUnavailable | KeyUnavailable)
    return str(error) if is_ours else cause(error)


def _report_failed_shadow(why: str) -> None:
    logger.warning("shadow failed", cause=why)
    metrics.add_metric(metric_names.SHADOW_FAILURES, MetricUnit.Count, 1)


def _report_load_failure(error: Exception) -> None:
    logger.error("model load failed", cause=type(error).__name__, detail=str(error))
    metrics.add_metric(metric_names.MODEL_LOAD_FAILURES, MetricUnit.Count, 1)
