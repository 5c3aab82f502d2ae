"""The limits that a growing load reaches, in order: AWS's quotas, and those of the stage."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from cli.cost.estimate import (
    batch,
    compare_seconds,
    drift_seconds,
    largest_batch,
    plan_seconds,
    predictor_seconds,
    quality_seconds,
    rate_seconds,
    settle_seconds,
    shards,
)
from cli.cost.items import Load
from cli.cost.measured import Measured
from cli.cost.template import PricedStage
from stresswatch.settled.plan import JOBS_A_RUN
from stresswatch.task.definition import TASK

_KINESIS = "Kinesis quotas and limits, docs.aws.amazon.com/streams, read 2026-11-24"
_LAMBDA = "Lambda quotas, docs.aws.amazon.com/lambda, unverified"
_ATHENA = "Athena service quotas, docs.aws.amazon.com/athena, unverified"
_S3 = "S3 best practices, docs.aws.amazon.com/AmazonS3, unverified"

_OURS = "the template, and benchmarks.cost"

_ACCOUNT_SHARDS = 500
"""In us-east-1, us-west-2 and eu-west-1; 200 elsewhere."""
_ACCOUNT_CONCURRENCY = 1_000
_UNRESERVED = 100
"""Executions that Lambda keeps for functions without a reservation."""
_PREFIX_PUTS = 3_500
_QUERY_SECONDS = 1_800
_ON_DEMAND_BYTES = 200_000_000
_SEARCHED = 1e15
"""Posts a day; a limit above this load counts as unreachable."""


@dataclass(frozen=True)
class Limit:
    """A limit, its use by the load, and the load that exceeds it.

    Attributes
    ----------
    met_at : float or None
        Posts a day; None for never.
    """

    what: str
    most: float
    used: float
    unit: str
    remedy: str
    source: str
    met_at: float | None

    @property
    def is_quota(self) -> bool:
        """Whether AWS sets the limit, rather than the stage."""
        return self.source != _OURS

    @property
    def is_met(self) -> bool:
        return self.used > self.most


def limits(load: Load, deployment: PricedStage, measured: Measured) -> list[Limit]:
    """Return every limit, in the order in which they are reached."""
    reserved = deployment.predictor.concurrency
    rest = deployment.reserved_concurrency - (reserved or 0)

    def n_shards(at: Load) -> float:
        return shards(at, deployment, measured)

    def puts(at: Load) -> float:
        return at.peak_a_second / batch(at, deployment, measured)

    def limit(
        what: str,
        most: float,
        unit: str,
        used: Callable[[Load], float],
        remedy: str,
        source: str = _OURS,
    ) -> Limit:
        met_at = _first_beyond(most, lambda posts: used(replace(load, posts_a_day=posts)))
        return Limit(what, most, used(load), unit, remedy, source, met_at)

    found = [
        limit(
            "predictor time, full batch", deployment.predictor.timeout, "s",
            lambda _: predictor_seconds(largest_batch(deployment, measured), measured),
            "lower batch_size",
        ),
        limit(
            "settle time, one shard", deployment.settle.timeout, "s",
            lambda at: settle_seconds(at, deployment, measured),
            "shorten window_minutes",
        ),
        limit(
            "settle time, all shards", deployment.window_hours * 3600, "s per window",
            lambda at: (
                math.ceil(n_shards(at) / deployment.settle_concurrency)
                * settle_seconds(at, deployment, measured)
            ),
            "raise settle_concurrency",
        ),
        limit(
            "monitoring run", JOBS_A_RUN, "shards", n_shards, "add another stage",
        ),
        limit(
            "plan time", deployment.plan.timeout, "s",
            lambda at: plan_seconds(at, deployment, measured),
            "lengthen batch_window_seconds",
        ),
        limit(
            "drift time", deployment.drift.timeout, "s per window",
            lambda at: drift_seconds(at, deployment, measured),
            "lower maximum_window_posts",
        ),
        limit(
            "live quality time", deployment.quality.timeout, "s",
            lambda at: quality_seconds(at, deployment, measured),
            "shorten quality_window_days",
        ),
        limit(
            f"{TASK.label.rate} time", deployment.rate.timeout, "s",
            lambda at: rate_seconds(at, deployment, measured),
            "shorten rate_days",
        ),
        limit(
            "comparison time", deployment.compare.timeout, "s",
            lambda at: compare_seconds(at, deployment, measured),
            "shorten shadow_minutes and probation_minutes",
        ),
        limit(
            "Athena query time", _QUERY_SECONDS, "s",
            lambda at: max(
                quality_seconds(at, deployment, measured), compare_seconds(at, deployment, measured)
            ),
            "request a higher quota", _ATHENA,
        ),
        limit(
            "Lambda concurrency per account",
            _ACCOUNT_CONCURRENCY - (_UNRESERVED if reserved else 0),
            "reserved" if reserved else "at once",
            lambda at: n_shards(at) + rest, "request a higher quota", _LAMBDA,
        ),
        limit(
            "S3 writes per prefix", _PREFIX_PUTS, "PUTs per second", puts,
            "lengthen batch_window_seconds", _S3,
        ),
    ]  # fmt: skip
    if reserved:
        found.append(limit(
            "predictor concurrency", reserved, "shards",
            n_shards, "raise predictor_concurrency",
        ))  # fmt: skip
    if deployment.is_on_demand:
        found.append(limit(
            "on-demand stream", _ON_DEMAND_BYTES / 1e6, "MB a second",
            lambda at: at.peak_a_second * measured.post_bytes / 1e6,
            "request a higher quota", _KINESIS,
        ))  # fmt: skip
    else:
        found.append(limit(
            "Kinesis shards per account", _ACCOUNT_SHARDS, "shards",
            lambda at: 2 * n_shards(at), "request a higher quota", _KINESIS,
        ))  # fmt: skip
    return sorted(found, key=lambda each: each.met_at or _SEARCHED)


def _first_beyond(most: float, used: Callable[[float], float]) -> float | None:
    """Return the load at which a non-decreasing use exceeds a limit, or None."""
    low, high = 1.0, _SEARCHED
    if used(high) <= most:
        return None
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if used(middle) > most else (middle, high)
    return high
