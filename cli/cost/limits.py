"""Which limit a growing load meets first: of AWS, of the stage's settings, of what was built."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from cli.cost.estimate import (
    batch,
    compare_seconds,
    drift_seconds,
    plan_seconds,
    quality_seconds,
    rate_seconds,
    settle_seconds,
    shards,
)
from cli.cost.items import Load
from cli.cost.measured import Measured
from cli.cost.template import PricedStage
from stresswatch.settled.plan import JOBS_A_RUN

_KINESIS = "Kinesis quotas and limits, docs.aws.amazon.com/streams, read 2026-11-24"
_LAMBDA = "Lambda quotas, docs.aws.amazon.com/lambda, not read again"
_ATHENA = "Athena service quotas, docs.aws.amazon.com/athena, not read again"
_S3 = "S3 best practices, docs.aws.amazon.com/AmazonS3, not read again"

_OURS = "the template, and benchmarks.cost"

_ACCOUNT_SHARDS = 500
"""In us-east-1, us-west-2 and eu-west-1; 200 elsewhere."""
_ACCOUNT_CONCURRENCY = 1_000
_UNRESERVED = 100
"""What Lambda keeps for functions that reserve nothing."""
_PREFIX_PUTS = 3_500
_QUERY_SECONDS = 1_800
_ON_DEMAND_BYTES = 200_000_000
_SEARCHED = 1e15
"""Posts a day; a limit that is not met below is never met."""


@dataclass(frozen=True)
class Limit:
    """A limit, what the load takes of it, and from how many posts a day it takes more.

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
        """Whether it is AWS's, and not the stack's own."""
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
            "the time to settle a shard's window", deployment.settle.timeout, "s",
            lambda at: settle_seconds(at, deployment, measured),
            "a shorter window_minutes",
        ),
        limit(
            "the time to settle all shards", deployment.window_hours * 3600, "s a window",
            lambda at: (
                math.ceil(n_shards(at) / deployment.settle_concurrency)
                * settle_seconds(at, deployment, measured)
            ),
            "a higher settle_concurrency",
        ),
        limit(
            "parts of a run", JOBS_A_RUN, "shards", n_shards, "another stage beside this one",
        ),
        limit(
            "the plan's time", deployment.plan.timeout, "s",
            lambda at: plan_seconds(at, deployment, measured),
            "a longer batch window",
        ),
        limit(
            "the drift monitor's time", deployment.drift.timeout, "s a window",
            lambda at: drift_seconds(at, deployment, measured),
            "a smaller maximum_window_posts",
        ),
        limit(
            "live quality's time", deployment.quality.timeout, "s",
            lambda at: quality_seconds(at, deployment, measured),
            "a shorter quality_window_days",
        ),
        limit(
            "the stress rate's time", deployment.rate.timeout, "s",
            lambda at: rate_seconds(at, deployment, measured),
            "a shorter rate_days",
        ),
        limit(
            "the comparison's time", deployment.compare.timeout, "s",
            lambda at: compare_seconds(at, deployment, measured),
            "shorter shadow_minutes and probation_minutes",
        ),
        limit(
            "Athena's time of a query", _QUERY_SECONDS, "s",
            lambda at: max(
                quality_seconds(at, deployment, measured), compare_seconds(at, deployment, measured)
            ),
            "ask AWS for more", _ATHENA,
        ),
        limit(
            "Lambda's concurrency of the account",
            _ACCOUNT_CONCURRENCY - (_UNRESERVED if reserved else 0),
            "reserved" if reserved else "at once",
            lambda at: n_shards(at) + rest, "ask AWS for more", _LAMBDA,
        ),
        limit(
            "S3's writes to a prefix", _PREFIX_PUTS, "PUTs a second", puts,
            "a longer batch_window_seconds", _S3,
        ),
    ]  # fmt: skip
    if reserved:
        found.append(limit(
            "the predictor's concurrency", reserved, "shards",
            n_shards, "a higher predictor_concurrency",
        ))  # fmt: skip
    if deployment.is_on_demand:
        found.append(limit(
            "a stream on demand", _ON_DEMAND_BYTES / 1e6, "MB a second",
            lambda at: at.peak_a_second * measured.post_bytes / 1e6,
            "ask AWS for more", _KINESIS,
        ))  # fmt: skip
    else:
        found.append(limit(
            "Kinesis' shards of the account", _ACCOUNT_SHARDS, "shards",
            lambda at: 2 * n_shards(at), "ask AWS for more", _KINESIS,
        ))  # fmt: skip
    return sorted(found, key=lambda each: each.met_at or _SEARCHED)


def _first_beyond(most: float, used: Callable[[float], float]) -> float | None:
    """Find where a use that never falls exceeds what there is at most."""
    low, high = 1.0, _SEARCHED
    if used(high) <= most:
        return None
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if used(middle) > most else (middle, high)
    return high
