"""From a load and a deployment to quantities a month, and from those to lines of a bill.

Everything here is pure. A month has 30 days. What is below a cent at any volume is not counted:
DynamoDB, SNS, SQS, SSM, EventBridge, the access logs, and objects of models and data sets.
"""

from __future__ import annotations

import math

from cli.cost.items import DAYS, HOURS, Item, Load
from cli.cost.measured import Measured
from cli.cost.streams import stream_items
from cli.cost.template import Function, PricedStage
from stresswatch.rates.page import COMMUNITIES
from stresswatch.settled.plan import LOOKED_AT

PLANNED_HOURS = LOOKED_AT.total_seconds() / 3600
"""How far back each run of the monitoring workflow looks for what came late."""
_GB = 1e9

SHARD_RECORDS = 1_000
SHARD_BYTES = 1_000_000
"""What a shard takes a second."""
ON_DEMAND_BYTES = 4_000_000
"""What a new stream on demand takes a second."""
_POLL_SECONDS = 1.0
"""Lambda looks once a second, so that even without a window records come together."""
_EVENT_BYTES = 6_000_000
_ENVELOPE_BYTES = 500
"""Of each record in an event, beside its data, which are in base64."""

_ARCHIVE_MONTHS = 12
"""How long the settled archive is kept in this estimate; nothing of the stack deletes it."""
_LAMBDA_LOG_BYTES = 350
"""What Lambda itself writes an invocation: START, END and REPORT."""
CALL_SECONDS = 0.025
"""How long a function waits for S3 or Kinesis; each call comes after the one before it."""
READ_SECONDS = 0.0025
"""Of a small object that is read, several at a time: docs/performance.md."""
_PAGE = 1_000
"""Objects that S3 lists in one answer."""
_PUTS_A_PART = 3
"""Rows, sample and summary."""
_CALLS_A_PART = 10
"""Those puts, what is looked up before them, and the listings."""
_PUTS_A_WINDOW = 3
"""Of the drift monitor: history, page and index."""
_A_WEEK = 7
RATE_METRICS = 4 * (1 + COMMUNITIES)
"""Of the stage and of the largest communities, with a corrected rate each: at most."""
_GETS_A_PART = 3
"""Of a part's summary, by settling and drift, and of its sample."""
QUERIED_A_SECOND = 1e9
"""Bytes that Athena reads in a second of a query: assumed, and rather little."""
_LEAST_QUERIED = 10e6
"""Bytes that Athena asks money for, if a query reads fewer."""
_CALLS_A_BATCH = ("s3:PutObject", "kinesis:PutRecords")
"""What each batch waits for; the champion is looked up every few seconds, whatever comes."""
_KEY_REQUESTS_A_SHARD_HOUR = 24
"""Kinesis asks for a new data key about every five minutes, and so does who reads."""
_BUCKET_KEY_SHARE = 0.01
"""Of the requests to S3, those that become one to KMS, where a bucket has a key of its own."""
_ENVIRONMENT_HOURS = 2
"""After which Lambda replaces an environment that is in use; it promises nothing."""
_PROBATION_TRANSITIONS = 20
"""Its begin, five looks with what is settled before each and follows it, and its message."""
_TRACED_SHARE = 0.05
"""X-Ray records one invocation a second, and of the others this share."""


def shards_needed(load: Load, deployment: PricedStage, measured: Measured) -> int:
    """Return how many shards take the peak, each with a function that keeps up."""
    size = largest_batch(deployment, measured)
    a_shard = min(
        SHARD_RECORDS,
        SHARD_BYTES / measured.post_bytes,
        size / predictor_seconds(size, measured),
    )
    return max(1, math.ceil(load.peak_a_second / a_shard))


def shards(load: Load, deployment: PricedStage, measured: Measured) -> int:
    """Return the shards of each stream: those of the stage, or more where they do not suffice."""
    least = ON_DEMAND_BYTES // SHARD_BYTES if deployment.is_on_demand else deployment.shards
    return max(least, shards_needed(load, deployment, measured))


def largest_batch(deployment: PricedStage, measured: Measured) -> int:
    """Return the posts of a full batch: the mapping's setting, or as many as fit into an event."""
    record = measured.post_bytes * 4 / 3 + _ENVELOPE_BYTES
    return max(1, min(deployment.batch_size, int(_EVENT_BYTES / record)))


def batch(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the mean posts of a batch: the first, and those of its shard within the window."""
    a_shard = load.a_second / shards(load, deployment, measured)
    window = max(deployment.batch_window_seconds, _POLL_SECONDS)
    return min(largest_batch(deployment, measured), 1 + a_shard * window)


def predictor_seconds(posts: float, measured: Measured) -> float:
    """Return the seconds of a batch: its own work, and waiting for what it calls."""
    calls = sum(measured.calls.get(name, 0) for name in _CALLS_A_BATCH)
    return measured.predictor.at(posts) + calls * CALL_SECONDS


def window_objects(load: Load, hours: float, deployment: PricedStage, measured: Measured) -> float:
    """Return the raw objects of some hours, of all shards."""
    return load.posts_a_day * hours / 24 / batch(load, deployment, measured)


def settle_seconds(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the seconds in which a part is settled: a shard's raw objects of a window."""
    n_shards, hours = shards(load, deployment, measured), deployment.window_hours
    objects = window_objects(load, hours, deployment, measured) / n_shards
    posts = load.posts_a_day * hours / 24 / n_shards
    return measured.settle.at(posts) + objects * READ_SECONDS + _CALLS_A_PART * CALL_SECONDS


def plan_seconds(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the seconds of a plan, which lists a day's objects and reads a day's summaries."""
    pages = window_objects(load, PLANNED_HOURS, deployment, measured) / _PAGE
    parts = shards(load, deployment, measured) * PLANNED_HOURS / deployment.window_hours
    return measured.plan_seconds + pages * CALL_SECONDS + parts * READ_SECONDS


def drift_seconds(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the seconds of a window of the drift monitor: parts are merged, a sample compared."""
    posts = min(load.posts_a_day * deployment.window_hours / 24, deployment.sample_posts)
    return measured.drift.at(posts) + 2 * shards(load, deployment, measured) * CALL_SECONDS


def queried_bytes(load: Load, hours: float, measured: Measured) -> float:
    """Return the bytes that a query reads of some hours of the settled archive."""
    return load.posts_a_day * hours / 24 * measured.queried_bytes


def quality_seconds(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the seconds of live quality, most of which it waits for Athena."""
    queried = queried_bytes(load, deployment.quality_window_hours, measured)
    return measured.quality_seconds + queried / QUERIED_A_SECOND


def rate_parts(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the summaries that the stress rate reads: of its days, and of their whole weeks."""
    hours = (deployment.rate_days + _A_WEEK) * 24
    return shards(load, deployment, measured) * hours / deployment.window_hours


def rate_seconds(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the seconds of the stress rate, which lists and writes an object a day."""
    calls = 2 * (deployment.rate_days + _A_WEEK) * CALL_SECONDS
    parts = rate_parts(load, deployment, measured)
    return measured.rate_seconds + parts * READ_SECONDS + calls


def compare_seconds(load: Load, deployment: PricedStage, measured: Measured) -> float:
    """Return the seconds in which two versions are compared on all posts that both scored."""
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
        # A function that is over its time is ended, and costs no more.
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
        computing("stress rate", qualities, rate_seconds(load, deployment, measured),
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
