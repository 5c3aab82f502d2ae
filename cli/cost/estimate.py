"""Estimate monthly quantities from a load and a deployment, and the bill from these quantities.

These functions are pure. A month has 30 days. Items below a cent at any volume are left out:
DynamoDB, SNS, SQS, SSM, EventBridge, access logs, models and data sets.
"""

from __future__ import annotations

import math

from cli.cost.items import DAYS, HOURS, Item, Load
from cli.cost.measured import Measured
from cli.cost.streams import stream_items
from cli.cost.template import Function, PricedStage
from stresswatch.rates.page import COMMUNITIES
from stresswatch.settled.plan import LOOKED_AT
from stresswatch.task.definition import TASK

PLANNED_HOURS = LOOKED_AT.total_seconds() / 3600
"""Hours in which each run of the monitoring workflow looks for late objects."""
_GB = 1e9

SHARD_RECORDS = 1_000
SHARD_BYTES = 1_000_000
"""Capacity of a shard, per second."""
ON_DEMAND_BYTES = 4_000_000
"""Capacity of a new on-demand stream, per second."""
_POLL_SECONDS = 1.0
"""Lambda polls once per second, which collects records even without a batch window."""
_EVENT_BYTES = 6_000_000
_ENVELOPE_BYTES = 500
"""Size of an event's record besides its data, which are in base64."""

_ARCHIVE_MONTHS = 12
"""Assumed age of the settled archive, which stages keep forever by default."""
_LAMBDA_LOG_BYTES = 350
"""Lambda's own log lines per invocation: START, END and REPORT."""
CALL_SECONDS = 0.025
"""Duration of one call to S3 or Kinesis; a function makes them one after another."""
READ_SECONDS = 0.0025
"""Mean time per small object when many are read in parallel: docs/performance.md."""
_PAGE = 1_000
"""Objects per page of an S3 listing."""
_PUTS_A_PART = 3
"""Rows, sample and summary."""
_CALLS_A_PART = 10
"""These puts, the lookups before them, and the listings."""
_PUTS_A_WINDOW = 3
"""The drift monitor's history, page and index."""
_A_WEEK = 7
RATE_METRICS = 4 * (1 + COMMUNITIES)
"""Maximum: four for the stage, and four for each of the largest communities."""
_GETS_A_PART = 3
"""A part's summary is read by settling and drift, and its sample by drift."""
QUERIED_A_SECOND = 1e9
"""Assumed reading speed of an Athena query, in bytes per second; a low value."""
_LEAST_QUERIED = 10e6
"""Minimum number of bytes that Athena bills per query."""
_CALLS_A_BATCH = ("s3:PutObject", "kinesis:PutRecords")
"""Calls in each batch; the champion is read every few seconds, independent of batches."""
_KEY_REQUESTS_A_SHARD_HOUR = 24
"""Kinesis requests a new data key about every five minutes, and so does each consumer."""
_BUCKET_KEY_SHARE = 0.01
"""Share of S3 requests that cause a KMS request, with a bucket key."""
_ENVIRONMENT_HOURS = 2
"""Assumed lifetime of a busy execution environment; Lambda documents none."""
_PROBATION_TRANSITIONS = 20
"""The start, five checks with their settling and comparison, and the message."""
_TRACED_SHARE = 0.05
"""X-Ray's default: one invocation per second, and this share of the others."""


def shards_needed(load: Load, deployment: PricedStage, measured: Measured) -> int:
    """Return the number of shards for the peak load, each with one concurrent predictor."""
    size = largest_batch(deployment, measured)
    a_shard = min(
        SHARD_RECORDS,
        SHARD_BYTES / measured.post_bytes,
        size / predictor_seconds(size, measured),
    )
    return max(1, math.ceil(load.peak_a_second / a_shard))


def shards(load: Load, deployment: PricedStage, measured: Measured) -> int:
    """Return the shards per stream: the stage's number, or more if the load needs them."""
    least = ON_DEMAND_BYTES // SHARD_BYTES if deployment.is_on_demand else deployment.shards
    return max(least, shards_needed(load, deployment, measured))


def largest_batch(deployment: PricedStage, measured: Measured) -> int:
    """Return the posts in a full batch, limited by the setting and by the event's size."""
    record = measured.post_bytes * 4 / 3 + _ENVELOPE_BYTES
    return max(1, min(deployment.batch_size, int(_EVENT_BYTES / record)))


def batch(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the mean posts per batch: the first, and those that follow within the window."""
    a_shard = load.a_second / shards(load, deployment, measured)
    window = max(deployment.batch_window_seconds, _POLL_SECONDS)
    return min(largest_batch(deployment, measured), 1 + a_shard * window)


def predictor_seconds(posts: float, measured: Measured) -> float:
    """Return the seconds per batch: computation, and waiting for calls."""
    calls = sum(measured.calls.get(name, 0) for name in _CALLS_A_BATCH)
    return measured.predictor.at(posts) + calls * CALL_SECONDS


def window_objects(load: Load, hours: float, deployment: PricedStage, measured: Measured) -> float:
    """Return the number of raw objects of all shards in a number of hours."""
    return load.posts_a_day * hours / 24 / batch(load, deployment, measured)


def settle_seconds(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the seconds for settling a part, one shard's raw objects of a window."""
    n_shards, hours = shards(load, deployment, measured), deployment.window_hours
    objects = window_objects(load, hours, deployment, measured) / n_shards
    posts = load.posts_a_day * hours / 24 / n_shards
    return measured.settle.at(posts) + objects * READ_SECONDS + _CALLS_A_PART * CALL_SECONDS


def plan_seconds(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the seconds of a plan, which lists a day's objects and reads its summaries."""
    pages = window_objects(load, PLANNED_HOURS, deployment, measured) / _PAGE
    parts = shards(load, deployment, measured) * PLANNED_HOURS / deployment.window_hours
    return measured.plan_seconds + pages * CALL_SECONDS + parts * READ_SECONDS


def drift_seconds(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the seconds of the drift monitor per window: it merges parts, and tests a sample."""
    posts = min(load.posts_a_day * deployment.window_hours / 24, deployment.sample_posts)
    return measured.drift.at(posts) + 2 * shards(load, deployment, measured) * CALL_SECONDS


def queried_bytes(load: Load, hours: float, measured: Measured) -> float:
    """Return the bytes that a query of the settled archive reads for a number of hours."""
    return load.posts_a_day * hours / 24 * measured.queried_bytes


def quality_seconds(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the seconds of live quality, which mostly waits for Athena."""
    queried = queried_bytes(load, deployment.quality_window_hours, measured)
    return measured.quality_seconds + queried / QUERIED_A_SECOND


def rate_parts(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the number of summaries that the rate function reads, for days and whole weeks."""
    hours = (deployment.rate_days + _A_WEEK) * 24
    return shards(load, deployment, measured) * hours / deployment.window_hours


def rate_seconds(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the seconds of the rate function, which lists and writes one object per day."""
    calls = 2 * (deployment.rate_days + _A_WEEK) * CALL_SECONDS
    parts = rate_parts(load, deployment, measured)
    return measured.rate_seconds + parts * READ_SECONDS + calls


def compare_seconds(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the seconds for comparing two versions on the posts that both scored."""
    hours = 2 * max(deployment.shadow_hours, deployment.probation_hours)
    return measured.quality_seconds + queried_bytes(load, hours, measured) / QUERIED_A_SECOND


def bill(load: Load, deployment: PricedStage, measured: Measured) -> list[Item]:
    """Return every item of a month's bill."""
    a_batch = batch(load, deployment, measured)
    batches = load.posts / a_batch
    windows = HOURS / deployment.window_hours
    qualities = HOURS / deployment.quality_every_hours
    retrainings = HOURS / (deployment.retraining_every_hours or HOURS)
    # A batch puts one object into the label queue if any of its posts was drawn.
    queue_puts = 1 - (1 - deployment.queued_share) ** a_batch
    seconds = predictor_seconds(a_batch, measured) + queue_puts * CALL_SECONDS
    n_shards = shards(load, deployment, measured)
    parts = windows * n_shards
    looked_at = PLANNED_HOURS / deployment.window_hours
    puts = (
        batches * (measured.calls.get("s3:PutObject", 0) + queue_puts)
        + parts * _PUTS_A_PART
        + windows * _PUTS_A_WINDOW
        + qualities * (deployment.rate_days + _A_WEEK)
    )
    gets = batches + parts * (_GETS_A_PART + looked_at)
    gets += qualities * rate_parts(load, deployment, measured)
    pages = (batches * looked_at + batches) / _PAGE + parts * looked_at
    log_gb = batches * (measured.log_bytes + _LAMBDA_LOG_BYTES) / _GB
    raw = load.posts * measured.archived_bytes * deployment.raw_archive_days / DAYS
    settled = load.posts * measured.settled_bytes + parts * measured.part_bytes
    queried = max(_LEAST_QUERIED, queried_bytes(load, deployment.quality_window_hours, measured))
    metrics = (
        measured.predictor_metrics
        + measured.drift_metrics * min(1, 1 / deployment.window_hours)
        + (measured.quality_metrics + RATE_METRICS) * min(1, 1 / deployment.quality_every_hours)
    )
    a_second = HOURS * 3600
    traces = min(batches, a_second) + _TRACED_SHARE * max(0, batches - a_second)
    # Each execution environment reads the key of the digests once.
    secret_reads = n_shards * HOURS / _ENVIRONMENT_HOURS + qualities
    transitions = retrainings * (
        measured.transitions + _PROBATION_TRANSITIONS * (deployment.probation_hours > 0)
    ) + windows * (measured.monitoring_transitions + (n_shards - 1) * measured.part_transitions)
    key_requests = 2 * n_shards * HOURS * _KEY_REQUESTS_A_SHARD_HOUR

    def computing(what: str, runs: float, run_seconds: float, function: Function) -> Item:
        # Lambda ends a function at its timeout, and bills no more.
        ended = min(run_seconds, function.timeout)
        return Item("Lambda", what, runs * ended * function.memory_gb, "lambda GB-second")

    return [
        computing("predictor, time", batches, seconds, deployment.predictor),
        Item("Lambda", "predictor, invocations", batches, "lambda request"),
        computing("plan", windows, plan_seconds(load, deployment, measured), deployment.plan),
        computing("settle", parts, settle_seconds(load, deployment, measured), deployment.settle),
        computing("drift monitor", windows, drift_seconds(load, deployment, measured),
                  deployment.drift),
        computing("live quality", qualities, quality_seconds(load, deployment, measured),
                  deployment.quality),
        computing(TASK.label.rate, qualities, rate_seconds(load, deployment, measured),
                  deployment.rate),
        Item("Lambda", "retraining's functions",
             retrainings * measured.workflow_seconds * deployment.workflow_gb, "lambda GB-second"),
        *stream_items(load, deployment, measured, n_shards),
        Item("S3", "objects written", puts, "S3 put"),
        Item("S3", "objects listed, a thousand at a time", pages, "S3 put"),
        Item("S3", "objects read", gets, "S3 get"),
        Item("S3", f"raw archive of {deployment.raw_archive_days} days", raw / _GB, "S3 GB-month"),
        Item("S3", f"settled archive of {_ARCHIVE_MONTHS} months",
             settled * _ARCHIVE_MONTHS / _GB, "S3 GB-month"),
        Item("S3", f"drift reports of {_ARCHIVE_MONTHS} months",
             windows * measured.report_bytes * _ARCHIVE_MONTHS / _GB, "S3 GB-month"),
        *_label_queue(load, deployment, measured),
        Item("Athena", "live quality", qualities * queried / 1e12, "TB scanned"),
        Item("CloudWatch", "metrics", metrics, "metric"),
        Item("CloudWatch", "alarms", deployment.alarms, "alarm"),
        Item("CloudWatch", "dashboards", deployment.dashboards, "dashboard"),
        Item("CloudWatch", "logs written", log_gb, "log GB"),
        Item("CloudWatch", "logs kept", log_gb * deployment.log_retention_days / DAYS,
             "log GB-month"),
        Item("X-Ray", "traces", traces, "trace"),
        Item("KMS", "keys", deployment.keys, "key"),
        Item("KMS", "requests", key_requests + _BUCKET_KEY_SHARE * (puts + gets), "key request"),
        Item("Secrets Manager", "secrets", deployment.secrets, "secret"),
        Item("Secrets Manager", "reads", secret_reads, "secret request"),
        Item("Step Functions", "transitions", transitions, "transition"),
        Item("SageMaker", "training", retrainings * measured.training_seconds / 3600,
             "training hour"),
    ]  # fmt: skip


def _label_queue(load: Load, deployment: PricedStage, measured: Measured) -> list[Item]:
    """Return the item of the posts that wait for a label, as large as they came."""
    days = deployment.label_queue_days
    kept = load.posts_a_day * days * deployment.queued_share * measured.post_bytes / _GB
    return [Item("S3", f"label queue of {days} days", kept, "S3 GB-month")] if days else []


def total(lines: list[Item]) -> float:
    return sum(line.dollars for line in lines)
