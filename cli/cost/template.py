"""What a stage deploys, read from its template, so that a changed stage changes the estimate."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli.errors import OperatorError
from stresswatch.monitoring.environments import DriftEnvironment, QualityEnvironment
from stresswatch.rates.environments import RateEnvironment
from stresswatch.retraining.environments import GateEnvironment
from stresswatch.serving.environments import PredictorEnvironment
from stresswatch.settled.environments import PlanEnvironment
from stresswatch.storage import archive

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_HOURS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}
_A_DAY = 24.0
_WORKFLOW = "AWS::StepFunctions::StateMachine"


@dataclass(frozen=True)
class Function:
    """A function's memory in GB, its timeout in seconds, and how many are reserved for it."""

    memory_gb: float
    timeout: float
    concurrency: int | None


@dataclass(frozen=True)
class PricedStage:
    """The settings of a stage that cost or limit something.

    Attributes
    ----------
    is_on_demand : bool
        Whether the streams have as many shards as it takes, and are paid by the GB.
    shards : int
        Of each of the two streams, where they are provisioned.
    window_hours : float
        Of a window, which is settled and whose drift is measured once it is over.
    quality_every_hours, quality_window_hours : float
        How often live quality is measured, and how far back it looks.
    rate_days : int
        How far back the rate is estimated again.
    sample_posts : int
        Of a window's posts, as many are compared at most.
    shadow_hours, probation_hours : float
        How long a second version scores live posts before a promotion, and after it.
    raw_archive_days : int
        How long predictions are kept as they were delivered, beside the settled archive.
    queued_share : float
        Of all posts, those that wait for a label, at most: as if the model were uncertain of all.
    pipeline : str
        The pipeline that retrainings train, which decides the predictor's time.
    label_queue_days : int
        How long they wait; 0 without a label queue.
    retraining_every_hours : float or None
        Its schedule; an expression of cron counts as once a day.
    workflow_gb : float
        Memory of the largest function of the workflow.
    """

    name: str
    is_on_demand: bool
    shards: int
    posts_retention_hours: float
    predictions_retention_hours: float
    batch_size: int
    batch_window_seconds: float
    predictor: Function
    pipeline: str
    plan: Function
    settle: Function
    drift: Function
    quality: Function
    rate: Function
    compare: Function
    window_hours: float
    quality_every_hours: float
    quality_window_hours: float
    rate_days: int
    sample_posts: int
    settle_concurrency: int
    raw_archive_days: int
    queued_share: float
    label_queue_days: int
    retraining_every_hours: float | None
    shadow_hours: float
    probation_hours: float
    workflow_gb: float
    reserved_concurrency: int
    alarms: int
    dashboards: int
    keys: int
    secrets: int
    log_retention_days: int


def read_template(name: str, template: Mapping[str, Any]) -> PricedStage:
    """Read the template of a stage.

    Raises
    ------
    OperatorError
        When it lacks what the estimate needs.
    """
    try:
        return _read(name, template["Resources"])
    except (LookupError, ValueError, StopIteration) as error:
        raise OperatorError(
            f"The template of {name} lacks what the estimate reads ({error!r}); has a construct "
            "changed? See cli/cost/template.py."
        ) from error


def _read(name: str, resources: Mapping[str, Any]) -> PricedStage:
    def properties(kind: str) -> dict[str, dict[str, Any]]:
        return {
            logical: resource["Properties"]
            for logical, resource in resources.items()
            if resource["Type"] == kind
        }

    functions = {
        each["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: (logical, each)
        for logical, each in properties("AWS::Lambda::Function").items()
        if "Environment" in each
    }

    def every(target: str) -> float | None:
        schedules = [
            _hours(schedule["ScheduleExpression"])
            for schedule in properties("AWS::Scheduler::Schedule").values()
            if target in str(schedule["Target"])
        ]
        return min(schedules, default=None)

    predictor = PredictorEnvironment.parse(_variables(functions["predictor"][1]))
    drift = DriftEnvironment.parse(_variables(functions["drift"][1]))
    plan = PlanEnvironment.parse(_variables(functions["plan"][1]))
    quality = QualityEnvironment.parse(_variables(functions["quality"][1]))
    rate = RateEnvironment.parse(_variables(functions["rate"][1]))
    gate = GateEnvironment.parse(_variables(functions["gate"][1]))
    posts, predictions = (
        next(
            each for logical, each in properties("AWS::Kinesis::Stream").items() if name in logical
        )
        for name in ("Posts", "Predictions")
    )
    mapping = next(
        each
        for each in properties("AWS::Lambda::EventSourceMapping").values()
        if "Posts" in str(each["EventSourceArn"])
    )
    workflow = next(logical for logical in properties(_WORKFLOW) if "Retraining" in logical)
    rest = [each for service, (_, each) in functions.items() if service != "predictor"]
    return PricedStage(
        name=name,
        is_on_demand=posts["StreamModeDetails"]["StreamMode"] == "ON_DEMAND",
        shards=posts.get("ShardCount", 1),
        posts_retention_hours=posts["RetentionPeriodHours"],
        predictions_retention_hours=predictions["RetentionPeriodHours"],
        batch_size=mapping["BatchSize"],
        batch_window_seconds=mapping["MaximumBatchingWindowInSeconds"],
        predictor=_function(functions["predictor"][1]),
        pipeline=_pipeline(properties(_WORKFLOW)),
        plan=_function(functions["plan"][1]),
        settle=_function(functions["settle"][1]),
        drift=_function(functions["drift"][1]),
        quality=_function(functions["quality"][1]),
        rate=_function(functions["rate"][1]),
        compare=_function(functions["compare"][1]),
        window_hours=plan.window_minutes / 60,
        quality_every_hours=plan.quality_every_hours,
        quality_window_hours=quality.quality_window_days * _A_DAY,
        rate_days=rate.rate_days,
        sample_posts=drift.maximum_window_posts,
        settle_concurrency=_settle_concurrency(properties(_WORKFLOW)),
        raw_archive_days=_raw_archive_days(properties("AWS::S3::Bucket")),
        queued_share=max(predictor.label_sample_share, predictor.uncertain_sample_share),
        label_queue_days=_label_queue_days(properties("AWS::S3::Bucket")),
        retraining_every_hours=every(workflow),
        shadow_hours=gate.shadow_seconds / 3600,
        probation_hours=gate.probation_seconds / 3600,
        workflow_gb=max(each["MemorySize"] for each in rest) / 1024,
        reserved_concurrency=sum(
            each.get("ReservedConcurrentExecutions", 0) for _, each in functions.values()
        ),
        alarms=sum(
            max(1, sum("MetricStat" in metric for metric in alarm.get("Metrics", [])))
            for alarm in properties("AWS::CloudWatch::Alarm").values()
        ),
        dashboards=len(properties("AWS::CloudWatch::Dashboard")),
        keys=len(properties("AWS::KMS::Key")),
        secrets=len(properties("AWS::SecretsManager::Secret")),
        log_retention_days=max(
            group["RetentionInDays"] for group in properties("AWS::Logs::LogGroup").values()
        ),
    )


def _settle_concurrency(workflows: Mapping[str, Mapping[str, Any]]) -> int:
    """Return how many parts the monitoring workflow settles at a time."""
    return max(map(int, re.findall(r"MaxConcurrency\W+(\d+)", _states(workflows, "Monitoring"))))


def _pipeline(workflows: Mapping[str, Mapping[str, Any]]) -> str:
    found: list[str] = re.findall(r'"pipeline\W+([\w-]+)', _states(workflows, "Retraining"))
    return found[0]


def _states(workflows: Mapping[str, Mapping[str, Any]], name: str) -> str:
    (text,) = (
        json.dumps(each["DefinitionString"])
        for logical, each in workflows.items()
        if name in logical
    )
    return text


def _raw_archive_days(buckets: Mapping[str, Mapping[str, Any]]) -> int:
    return next(
        int(rule["ExpirationInDays"])
        for bucket in buckets.values()
        for rule in bucket.get("LifecycleConfiguration", {}).get("Rules", [])
        if rule.get("Prefix") == archive.PREFIX
    )


def _label_queue_days(buckets: Mapping[str, Mapping[str, Any]]) -> int:
    return sum(
        int(rule.get("ExpirationInDays", 0))
        for logical, bucket in buckets.items()
        if "LabelQueue" in logical
        for rule in bucket["LifecycleConfiguration"]["Rules"]
    )


def _function(properties: Mapping[str, Any]) -> Function:
    return Function(
        memory_gb=properties["MemorySize"] / 1024,
        timeout=properties["Timeout"],
        concurrency=properties.get("ReservedConcurrentExecutions"),
    )


def _variables(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return a function's variables; names that the deployment fills in are references as yet."""
    given = properties["Environment"]["Variables"].items()
    return {name: value if isinstance(value, str) else "a reference" for name, value in given}


def _hours(schedule: str) -> float:
    rate = _RATE.fullmatch(schedule)
    return int(rate[1]) * _HOURS[rate[2]] if rate else _A_DAY
