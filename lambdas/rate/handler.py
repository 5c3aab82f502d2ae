"""Rate: estimates the positive class's rate in recent weeks; writes table and page; publishes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws.athena import Athena
from stresswatch.aws.identifiers import METRIC_DIMENSION
from stresswatch.aws.redaction import redact_errors
from stresswatch.aws.stack_outputs import stack_name
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.monitoring.panels import NAMESPACE
from stresswatch.monitoring.window_metrics import publish, require_published
from stresswatch.rates.cells import Cell, Period, Rate, RateMethod, week_of
from stresswatch.rates.environments import RateEnvironment
from stresswatch.rates.estimation import estimate_rates
from stresswatch.rates.labelled_draws import hourly_counts, labelled_draws
from stresswatch.rates.page import COMMUNITIES, PAGE, page
from stresswatch.rates.rate_table import write_rates
from stresswatch.rates.suppression import shown_of
from stresswatch.settled.windows import Window
from stresswatch.storage import archive

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDatumTypeDef

logger = Logger()

_A_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)
_FIGURES = {
    metric_names.CORRECTED_RATE: "corrected_rate",
    metric_names.CORRECTED_RATE_LOWER_BOUND: "low",
    metric_names.CORRECTED_RATE_UPPER_BOUND: "high",
    metric_names.CALLED_RATE: "called_rate",
}


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Estimate whole weeks up to the event's time; return the rates of the last days.

    The answer has the seven last full days, and the last day, which may be incomplete.

    Each day includes all predictions settled so far, also those after the event's time. So a
    request for an earlier day never overwrites it with a part of its posts.

    Raises
    ------
    stresswatch.aws.athena.QueryFailed
        When Athena did not answer.
    stresswatch.monitoring.window_metrics.RefusedMetrics
        When CloudWatch refused some metrics. The others are published, and all results are
        stored.
    """
    environment = RateEnvironment.parse(os.environ)
    s3, bucket = boto3.client("s3", config=archive.CONNECTIONS), environment.archive_bucket
    window = Window.of(event, environment.rate_days * 24 * 60)
    time = window.end.astimezone(UTC)
    last = (time - _MOMENT).date()
    start = week_of(last - (environment.rate_days - 1) * _A_DAY)
    end = week_of(last) + 7 * _A_DAY
    counts = hourly_counts(s3, bucket, start, end)
    is_drawn = any(one.drawn for found in counts.values() for one in found)
    athena = Athena(boto3.client("athena"), environment.query_workgroup, environment.query_database)
    draws = labelled_draws(athena, start, end) if is_drawn else []
    minimum = environment.minimum_cell_posts
    rates = estimate_rates(counts, draws, _spans(start, end), minimum)
    write_rates(s3, bucket, rates)
    s3.put_object(
        Bucket=bucket,
        Key=PAGE,
        Body=page(rates, stack_name(environment.stage), datetime.now(UTC)).encode(),
        ContentType="text/html; charset=utf-8",
    )
    seven_days = (Period.WEEK, time.date() - 7 * _A_DAY)
    recent = shown_of(estimate_rates(counts, draws, [seven_days], minimum), rates)
    refused = _publish(environment, Window(time - 7 * _A_DAY, time), recent)
    cell = Cell(Period.DAY, last, None)
    today = next((rate for rate in rates if rate.cell == cell), None)
    methods = Counter(rate.method for rate in rates)
    figures: dict[str, Any] = {one.value: methods[one] for one in RateMethod}
    figures["labelled"] = len(draws)
    status = "estimated" if rates else "no_posts"
    logger.info("rate", status=status, **figures)
    require_published(refused)
    return {
        "status": status,
        "start": start.isoformat(),
        "end": end.isoformat(),
        **figures,
        "page": f"s3://{bucket}/{PAGE}",
        "last_seven_days": _answer(recent[0]) if recent else None,
        "last_day": _answer(today) if today else None,
    }


def _spans(start: date, end: date) -> list[tuple[Period, date]]:
    """Return the days and weeks to estimate at a time."""
    days = [start + number * _A_DAY for number in range((end - start).days)]
    return [(Period.DAY, day) for day in days] + [(Period.WEEK, day) for day in days[::7]]


def _publish(
    environment: RateEnvironment, window: Window, recent: Sequence[Rate]
) -> list[MetricDatumTypeDef]:
    """Put the metrics of the stage and its largest communities; return the refused ones."""
    stage: DimensionTypeDef = {"Name": dimension_names.STAGE, "Value": environment.stage}
    communities = sorted(
        (rate for rate in recent if rate.source is not None and rate.posts),
        key=lambda rate: (-(rate.posts or 0), rate.source or ""),
    )
    data: list[MetricDatumTypeDef] = [
        {
            "MetricName": name,
            "Dimensions": [stage, *_community(rate)],
            "Value": getattr(rate, figure),
        }
        for rate in (*recent[:1], *communities[:COMMUNITIES])
        for name, figure in _FIGURES.items()
        if getattr(rate, figure) is not None
    ]
    return publish(boto3.client("cloudwatch"), NAMESPACE, window, data)


def _community(rate: Rate) -> list[DimensionTypeDef]:
    if rate.source is None:
        return []
    name = METRIC_DIMENSION.encode(rate.source)
    return [{"Name": dimension_names.COMMUNITY, "Value": name}]


def _answer(rate: Rate) -> dict[str, Any]:
    return {**asdict(rate), "start": rate.start.isoformat()}
