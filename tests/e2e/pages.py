"""The pages that tests type: what each is typed on, and its expected output."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from cli.data.stress.dreaddit import TRAIN_FILE
from local.event_source_mapping.batching import ShardRecord
from local.event_source_mapping.invocation import Source, kinesis_event
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import Location, read
from stresswatch.contracts.posts import post_record
from stresswatch.storage import archive
from stresswatch.storage.failed_batches import PREFIX as FAILED_BATCHES
from stresswatch.storage.quarantine import PREFIX
from stresswatch.storage.training_sets import to_lines
from stresswatch.versions.champion import Pointer
from tests.e2e.deployed import BASE, LABELLED, STREAMED, Deployed, environment
from tests.e2e.holding import hold
from tests.e2e.waiting import eventually
from tests.integration.conftest import request
from tests.unit.cli.conftest import DREADDIT_ROW, to_csv

NOTHING = r"^$"
NOWHERE = "/there/is/none"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Given:
    """A page's placeholders, and the variables that it starts with."""

    words: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """How each line that does more than set a variable begins, and its expected output."""

    says: tuple[tuple[str, str], ...]
    given: Callable[[Deployed, Path], AbstractContextManager[Given]] = lambda deployed, folder: (
        nullcontext(Given())
    )


def champion(deployed: Deployed) -> Pointer:
    found = deployed.deployment.champion()
    assert found
    return found


def keys(deployed: Deployed, output: str, prefix: str) -> list[str]:
    return deployed.objects(deployed.stack.outputs[output], prefix)


def posts_in(folder: Path) -> None:
    """Write the files that the documentation names, from training and streamed posts."""
    (folder / "posts.jsonl").write_bytes(to_lines(BASE))
    (folder / "train.jsonl").write_bytes(to_lines(BASE))
    (folder / "stream.jsonl").write_bytes(to_lines(STREAMED))
    (folder / "labels.jsonl").write_bytes(to_lines(LABELLED))
    posts = pd.DataFrame([post_record(labelled.post) for labelled in BASE])
    posts.to_parquet(folder / "posts.parquet")


def archived(deployed: Deployed) -> str:
    """Predict a separate post; return its id."""
    post_id, now = f"post-{uuid.uuid4().hex}", datetime.now(UTC)
    deployed.deployment.send(
        [(post_id, json.dumps({"post_id": post_id, "text": "words"}).encode())]
    )
    bucket, s3 = deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET], deployed.client("s3")

    def rows() -> bool:
        found = archive.read(s3, bucket, now - MINUTE, now + 5 * MINUTE, {post_id})
        return bool(found)

    eventually("prediction", rows)
    return post_id


@contextmanager
def tutorial(deployed: Deployed, folder: Path) -> Iterator[Given]:
    given = folder / TRAIN_FILE
    given.write_bytes(to_csv(DREADDIT_ROW | {"post_id": f"p{number}"} for number in range(2838)))
    yield Given({"dreaddit.zip": TRAIN_FILE})
    assert (folder / "data" / "dreaddit" / TRAIN_FILE).read_bytes() == given.read_bytes()


@contextmanager
def operations(deployed: Deployed, folder: Path) -> Iterator[Given]:
    start = datetime.now(UTC)
    forgotten = archived(deployed)
    hold(deployed, datetime.now(UTC))
    yield Given(
        {
            "v20261123T150000-0a1b2c3d": champion(deployed).version,
            "2026-11-23T08:00Z": start.isoformat(),
            "2026-11-23T20:00Z": datetime.now(UTC).isoformat(),
            "ARCHIVE_BUCKET": deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET],
            "NAME": uuid.uuid4().hex,
            "POST_ID...": forgotten,
        }
    )


@contextmanager
def scoring(deployed: Deployed, folder: Path) -> Iterator[Given]:
    bucket, s3 = f"some-bucket-{uuid.uuid4().hex}", deployed.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.upload_file(str(folder / "posts.parquet"), bucket, "2026/posts.parquet")
    version = champion(deployed).version
    yield Given({"some-bucket": bucket, "v20261123T150000-0a1b2c3d": version})


@contextmanager
def querying(deployed: Deployed, folder: Path) -> Iterator[Given]:
    """The emulator's stack lacks saved queries, and its engine has its own dialect."""
    athena = deployed.client("athena")
    workgroup = deployed.stack.outputs[stack_outputs.QUERY_WORKGROUP]
    made = athena.create_named_query(
        Name="a test's",
        Database=deployed.stack.outputs[stack_outputs.QUERY_DATABASE],
        QueryString="SELECT 'seen' AS found",
        WorkGroup=workgroup,
    )["NamedQueryId"]
    yield Given({}, {stack_outputs.QUERY_WORKGROUP: workgroup, "ID": made})
    athena.delete_named_query(NamedQueryId=made)


@contextmanager
def web_service(deployed: Deployed, folder: Path) -> Iterator[Given]:
    """The emulator's own credentials lack a session."""
    yield Given(
        {}, {"URL": deployed.stack.outputs[stack_outputs.WEB_SERVICE_URL], "AWS_SESSION_TOKEN": ""}
    )


def point_to_copy(deployed: Deployed, *, model: bytes | None = None) -> None:
    """Promote a copy of the champion, or one with a file altered after its verdict."""
    pointer, name = champion(deployed), f"v-copy-{uuid.uuid4().hex}"
    source = Location.parse(pointer.uri) / "model.npz"
    s3 = deployed.client("s3")
    body = model or read(s3, source)
    s3.put_object(Bucket=source.bucket, Key=f"models/{name}/model.npz", Body=body)
    deployed.point_to(Pointer(name, f"s3://{source.bucket}/models/{name}/", pointer.sha256))


@contextmanager
def retraining(deployed: Deployed, folder: Path) -> Iterator[Given]:
    before = champion(deployed).version
    point_to_copy(deployed)
    point_to_copy(deployed)
    yield Given({"VERSION": before})


@contextmanager
def load_failure(deployed: Deployed, folder: Path) -> Iterator[Given]:
    point_to_copy(deployed, model=b"altered since")
    yield Given()


@contextmanager
def dead_letters(deployed: Deployed, folder: Path) -> Iterator[Given]:
    queue, sqs = deployed.named("DeadLetters", "AWS::SQS::Queue"), deployed.client("sqs")
    why = {
        "RULE_ARN": "arn:aws:events:us-east-1:000000000000:rule/drift",
        "TARGET_ARN": "arn:aws:lambda:us-east-1:000000000000:function:drift",
        "ERROR_MESSAGE": "AccessDenied",
    }
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in why.items()}
    sqs.send_message(QueueUrl=queue, MessageBody="{}", MessageAttributes=attributes)
    yield Given()


@contextmanager
def disabled_schedule(deployed: Deployed, folder: Path) -> Iterator[Given]:
    """Turn the local stack's schedule into a rule, as an operator would leave it."""
    scheduler = deployed.client("scheduler")
    name = f"{deployed.stack.stack_name}-MonitoringSchedule"
    machine = deployed.stack.outputs[stack_outputs.MONITORING_STATE_MACHINE]
    described = deployed.client("stepfunctions").describe_state_machine(stateMachineArn=machine)
    scheduler.create_schedule(
        Name=name,
        ScheduleExpression="cron(2 0/1 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        State="DISABLED",
        Target={"Arn": machine, "RoleArn": described["roleArn"]},
    )
    try:
        now = datetime.now(UTC)
        span = {"2026-11-23T10:00Z": now - HOUR, "2026-11-23T11:00Z": now}
        yield Given({written: time.isoformat() for written, time in span.items()})
        enabled = scheduler.get_schedule(Name=name)
        assert enabled["State"] == "ENABLED"
        assert enabled["ScheduleExpression"] == "cron(2 0/1 * * ? *)"
    finally:
        scheduler.delete_schedule(Name=name)


@contextmanager
def drift(deployed: Deployed, folder: Path) -> Iterator[Given]:
    now = datetime.now(UTC)
    deployed.deployment.measure(now - HOUR, now)
    *_, newest = (
        key
        for key in keys(deployed, stack_outputs.ARCHIVE_BUCKET, "reports/")
        if "index" not in key
    )
    yield Given({"....html": newest.removeprefix("reports/")})


@contextmanager
def failed_batches(deployed: Deployed, folder: Path) -> Iterator[Given]:
    hold(deployed, datetime.now(UTC))
    (key,) = keys(deployed, stack_outputs.QUARANTINE_BUCKET, FAILED_BATCHES)
    yield Given({"...": key.removeprefix(FAILED_BATCHES)})


@contextmanager
def function_errors(deployed: Deployed, folder: Path) -> Iterator[Given]:
    function = deployed.function("QualityQuality")
    deployed.invoke(function, {"start": "no time"})
    alarm = deployed.named("ObservabilityQualityErrors", "AWS::CloudWatch::Alarm")
    cloudwatch = deployed.client("cloudwatch")

    def fires() -> bool:
        (found,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return bool(found["StateValue"] == "ALARM")

    eventually("alarm", fires)
    yield Given({"...": function})


@contextmanager
def live_quality(deployed: Deployed, folder: Path) -> Iterator[Given]:
    now = datetime.now(UTC)
    deployed.deployment.measure(now - HOUR, now)
    yield Given()


@contextmanager
def quarantine_rate(deployed: Deployed, folder: Path) -> Iterator[Given]:
    hold(deployed, datetime.now(UTC))
    deployed.deployment.send([("key", b"not a post")])

    def refused() -> str | None:
        found = keys(deployed, stack_outputs.QUARANTINE_BUCKET, PREFIX)
        return found[0] if len(found) > 1 else None

    yield Given({"...": eventually("record in quarantine", refused).removeprefix(PREFIX)})


@contextmanager
def retraining_failed(deployed: Deployed, folder: Path) -> Iterator[Given]:
    dataset = deployed.function("RetrainingDataset")
    with environment(deployed, dataset, TRAINING_BUCKET="there-is-none"):
        assert deployed.retrain()["status"] == "FAILED"
    yield Given()


@contextmanager
def scoring_failed(deployed: Deployed, folder: Path) -> Iterator[Given]:
    fail(deployed, stack_outputs.SCORING_STATE_MACHINE, {"manifest": "there-is-none"})
    yield Given()


@contextmanager
def monitoring_failed(deployed: Deployed, folder: Path) -> Iterator[Given]:
    fail(deployed, stack_outputs.MONITORING_STATE_MACHINE, {"start": "no time"})
    yield Given()


def fail(deployed: Deployed, workflow: str, event: dict[str, str]) -> None:
    """Run a workflow with an input that makes it fail."""
    started = deployed.client("stepfunctions").start_execution(
        stateMachineArn=deployed.stack.outputs[workflow], input=json.dumps(event)
    )["executionArn"]

    def failed() -> bool:
        return bool(deployed.deployment.describe(started)["status"] == "FAILED")

    eventually("failure of the workflow", failed)


@contextmanager
def throttles(deployed: Deployed, folder: Path) -> Iterator[Given]:
    """The emulator omits the reservation in the template."""
    functions, name = deployed.client("lambda"), deployed.function("PredictionPredictor")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=10)
    yield Given()
    functions.delete_function_concurrency(FunctionName=name)


@contextmanager
def partial_batch_failures(deployed: Deployed, folder: Path) -> Iterator[Given]:
    predictor = deployed.function("PredictionPredictor")
    post = ShardRecord(
        "1", "a", b'{"post_id": "a", "text": "words"}', datetime.now(UTC).timestamp()
    )
    source = Source(
        "arn:aws:kinesis:us-east-1:000000000000:stream/test", "shardId-000000000000", "role"
    )
    with environment(deployed, predictor, CHAMPION_PARAMETER=NOWHERE):
        deployed.invoke(predictor, kinesis_event([post], source))
    yield Given()


@contextmanager
def web_service_errors(deployed: Deployed, folder: Path) -> Iterator[Given]:
    """The emulator writes no access log: a line in the API's own format replaces it."""
    function, logs = deployed.function("WebServiceApi"), deployed.client("logs")
    with environment(deployed, function, CHAMPION_PARAMETER=NOWHERE):
        deployed.invoke(function, request("GET", "/health"))
    api = deployed.stack.outputs[stack_outputs.WEB_SERVICE_API_ID]
    (stage,) = deployed.client("apigatewayv2").get_stages(ApiId=api)["Items"]
    line = stage["AccessLogSettings"]["Format"].replace("$context.status", "503")
    place = {
        "logGroupName": deployed.named("WebServiceAccessLogs", "AWS::Logs::LogGroup"),
        "logStreamName": uuid.uuid4().hex,
    }
    logs.create_log_stream(**place)
    now = round(datetime.now(UTC).timestamp() * 1000)
    logs.put_log_events(**place, logEvents=[{"timestamp": now, "message": line}])
    yield Given()


PAGES = {
    "docs/batch-scoring.md": Page(
        (("stresswatch score posts", r"300"), ("stresswatch score s3", r"300")), scoring
    ),
    "docs/delivery.md": Page((("stresswatch smoke", r"100 of 100 posts were predicted"),)),
    "docs/monitoring.md": Page(
        (
            ("stresswatch measure", r"posts by v\d{8}T"),
            ("stresswatch measure --json", r'"quality": \{'),
            ("stresswatch label", r"40 labels submitted"),
        )
    ),
    "docs/operations.md": Page(
        (
            ("stresswatch versions", r"serves"),
            ("stresswatch status", r"champion"),
            ("stresswatch replay", r"failed batches │ RecordAgeExceeded │ +2 │"),
            ("stresswatch replay", r"quarantine │ text_too_long │ +1 │"),
            ("stresswatch replay", r"failed batches │ RecordAgeExceeded │ +2 │ +2 │ +0 │"),
            ("stresswatch backfill posts.jsonl", r"300"),
            ("stresswatch backfill --from", r"backfills/"),
            ("stresswatch score", r"300"),
            ("stresswatch forget", r"to remove it, add --execute"),
            ("stresswatch forget", r"removed"),
        ),
        operations,
    ),
    "docs/querying.md": Page(
        (
            ("aws athena list-named-queries", r"[\w-]{36}"),
            ("aws athena get-named-query", NOTHING),
            ("until aws athena get-query-execution", r"^SUCCEEDED$"),
            ("aws athena get-query-results", r'"VarCharValue": "seen"'),
        ),
        querying,
    ),
    "docs/retraining.md": Page(
        (
            ("stresswatch versions", r"F1 0\.\d+"),
            ("stresswatch rollback --why", r"v-copy-\w+ serves again"),
            ("stresswatch rollback VERSION", r"serves again"),
        ),
        retraining,
    ),
    "docs/stress-rate.md": Page(
        (
            ("stresswatch trend", r"Stress rate by week, all communities"),
            ("stresswatch trend --by day --json", r'"by": "day"'),
            ("stresswatch trend --html rate.html", r"called "),
        ),
        live_quality,
    ),
    "docs/runbooks/model-load-failure.md": Page(
        (
            ("aws ssm get-parameter-history", r"v-copy-"),
            ("aws s3 cp", r"[0-9a-f]{64}  -"),
            ("aws s3api list-object-versions", r"models/v-copy-\w+/model.npz"),
            ("stresswatch rollback", r"serves again"),
        ),
        load_failure,
    ),
    "docs/runbooks/dead-letters.md": Page(
        (("aws sqs receive-message", r'"why": "AccessDenied"'), ("aws sqs purge-queue", NOTHING)),
        dead_letters,
    ),
    "docs/runbooks/drift-monitor-silent.md": Page(
        (
            ("aws scheduler list-schedules", r"MonitoringSchedule\w*\tDISABLED"),
            ("aws stepfunctions list-executions", r"SUCCEEDED"),
            ("aws scheduler get-schedule", NOTHING),
            ("aws scheduler update-schedule", r'"ScheduleArn": '),
            ("stresswatch measure", r"posts by v\d{8}T"),
            ("stresswatch measure", r"posts by v\d{8}T"),
        ),
        disabled_schedule,
    ),
    "docs/runbooks/drift.md": Page(
        (
            ("stresswatch status", r"champion"),
            ("aws s3 cp", r"download: "),
            ("aws s3 ls", r"\.html"),
            ("aws s3 cp", r"download: "),
        ),
        drift,
    ),
    "docs/runbooks/failed-batches.md": Page(
        (
            ("aws sqs get-queue-attributes", r'"ApproximateNumberOfMessages": "[1-9]'),
            ("aws s3 ls", r"aws/lambda/"),
            ("aws s3 cp", r'"condition": "RecordAgeExceeded"'),
            ("stresswatch replay", r"RecordAgeExceeded │ +2 │ +2 │\n"),
            ("stresswatch replay", r"RecordAgeExceeded │ +2 │ +2 │ +0 │"),
            ("aws sqs purge-queue", NOTHING),
        ),
        failed_batches,
    ),
    # The emulator requires all terms of a log filter at once, and then finds none of its words.
    "docs/runbooks/function-errors.md": Page(
        (
            ("aws cloudwatch describe-alarms", r"QualityErrors.*QualityFunction"),
            ("aws logs filter-log-events", NOTHING),
            ("aws lambda update-event-source-mapping", r'"MaximumRetryAttempts": 2'),
            ("aws lambda update-event-source-mapping", r'"MaximumRetryAttempts": -1'),
        ),
        function_errors,
    ),
    # The emulator ignores field filters, and finds every line.
    "docs/runbooks/iterator-age.md": Page(
        (
            ("aws cloudwatch get-metric-statistics", r'"Maximum": \d'),
            ("aws logs filter-log-events", r'"message":"batch"'),
            ("aws kinesis describe-stream-summary", r'"OpenShardCount": 1'),
        )
    ),
    "docs/runbooks/live-quality.md": Page(
        (("aws s3 cp", r'"labelled_posts": \d'), ("stresswatch status", r"champion")), live_quality
    ),
    "docs/runbooks/quarantine-rate.md": Page(
        (
            ("aws logs filter-log-events", r'\d "rejected":\{"not_json":1\}'),
            ("aws s3 ls", r"\.json"),
            ("aws s3 cp", r'"reason": "'),
            ("stresswatch replay", r"text_too_long │ +1 │ +1 │\n"),
            ("stresswatch replay", r"text_too_long │ +1 │ +1 │ +0 │"),
        ),
        quarantine_rate,
    ),
    "docs/runbooks/retraining-failed.md": Page(
        (
            ("aws stepfunctions list-executions", r"FAILED\s"),
            ("aws stepfunctions get-execution-history", r'"type": "ExecutionFailed"'),
        ),
        retraining_failed,
    ),
    "docs/runbooks/monitoring-failed.md": Page(
        (
            ("aws stepfunctions describe-execution", r'"FAILED"'),
            ("stresswatch measure", r"posts by v\d{8}T"),
        ),
        monitoring_failed,
    ),
    "docs/runbooks/scoring-failed.md": Page(
        (("aws stepfunctions describe-execution", r'"FAILED"'),), scoring_failed
    ),
    "docs/runbooks/silent-stream.md": Page(
        (
            ("aws cloudwatch get-metric-statistics", r'"Sum": \d'),
            ("aws lambda list-event-source-mappings", r"Enabled"),
        )
    ),
    "docs/tutorial.md": Page(
        ((".venv/bin/stresswatch data fetch --from", r"dreaddit-train.csv: 2,838 posts"),), tutorial
    ),
    "docs/stages.md": Page((("aws lambda get-account-settings", r"^\d+$"),)),
    "docs/runbooks/throttles.md": Page(
        (
            ("aws lambda get-function-concurrency", r'"ReservedConcurrentExecutions": 10'),
            ("aws lambda get-account-settings", r'"ConcurrentExecutions": \d'),
            ("aws cloudwatch get-metric-statistics", r'"Label": "ConcurrentExecutions"'),
        ),
        throttles,
    ),
    "docs/runbooks/partial-batch-failures.md": Page(
        (
            ("aws logs filter-log-events", r'\d "cause":"[^"]+"'),
            ("stresswatch status", r"champion"),
        ),
        partial_batch_failures,
    ),
    "docs/runbooks/web-service-errors.md": Page(
        (
            ("logs WebServiceAccessLogs", r'"status": "503"'),
            ("logs WebServiceApiLogs", r"unavailable"),
            ("aws ssm get-parameter", r"version"),
        ),
        web_service_errors,
    ),
    "docs/web-service.md": Page((("curl", r'"post_id": "a"'),), web_service),
}
