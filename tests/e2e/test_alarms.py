"""Each alarm of the stack fires in the situation that it is for, and notifies its subscribers.

Where the template's threshold is minutes long or hours wide, the deployed alarm is tightened, as
an operator would; its metric and the fault stay as they are. The drift alarm fires in
`test_demo.py`, with the retraining that it starts.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.status.alarms import read_alarms
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import Location
from stresswatch.retraining.triggers import QUALITY_ALARM
from stresswatch.versions.champion import Pointer
from stresswatch.versions.model_version import sha256
from tests.e2e.deployed import STREAMED, Deployed, Inbox, environment, kinesis_event
from tests.e2e.waiting import eventually
from tests.integration.conftest import request, train_version

POST = b'{"post_id": "alarms", "text": "a day like any other"}'
CONFIGURATION = (
    "AlarmName", "AlarmDescription", "AlarmActions", "InsufficientDataActions", "MetricName",
    "Namespace", "Statistic", "Dimensions", "Period", "EvaluationPeriods", "Threshold",
    "ComparisonOperator", "TreatMissingData",
)  # fmt: skip


class Alarms:
    """The deployed alarms, and the messages that the notifications' topic passes on."""

    def __init__(self, deployed: Deployed):
        self._deployed = deployed
        self._cloudwatch = deployed.client("cloudwatch")
        self._inbox = Inbox(deployed)
        self._told: set[tuple[str, str]] = set()
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Reset alarms that fired for an earlier test, as only a change is reported."""
        firing = self._cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
        for alarm in firing:
            self._cloudwatch.set_alarm_state(
                AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="A test begins."
            )

    def fires(self, prefix: str, state: str = "ALARM") -> None:
        """Wait until the alarm has notified the topic's subscribers of its state."""
        alarm = self._deployed.named(prefix, "AWS::CloudWatch::Alarm")
        eventually(f"message from {prefix}", lambda: (alarm, state) in self._read())

    def is_well(self, prefix: str) -> None:
        """Wait until the alarm has seen good data."""
        alarm = self._deployed.named(prefix, "AWS::CloudWatch::Alarm")

        def look() -> bool:
            (found,) = self._cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
            return bool(found["StateValue"] == "OK")

        eventually(f"data for {prefix}", look)

    def falls_silent(self, prefix: str) -> None:
        """Wait until an alarm with data has reported their end, and operators see it fire."""
        self.is_well(prefix)
        with self.tightened(prefix, Period=1):
            self.fires(prefix, "INSUFFICIENT_DATA")
            alarm = self._deployed.named(prefix, "AWS::CloudWatch::Alarm")
            (seen,) = [
                one for one in read_alarms(self._deployed.deployment.target) if one.name == alarm
            ]
            assert seen.fires

    def _read(self) -> set[tuple[str, str]]:
        for _, text in self._inbox.read():
            # Drift, and the results of retrainings, have messages in words.
            if text.startswith("{") and "NewStateValue" in (told := json.loads(text)):
                self._told.add((told["AlarmName"], told["NewStateValue"]))
        return self._told

    @contextmanager
    def tightened(self, prefix: str, **changes: Any) -> Iterator[None]:
        name = self._deployed.named(prefix, "AWS::CloudWatch::Alarm")
        (found,) = self._cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        before = {key: found[key] for key in CONFIGURATION if key in found}
        self._cloudwatch.put_metric_alarm(**before | changes)
        try:
            yield
        finally:
            self._cloudwatch.put_metric_alarm(**before)


@pytest.fixture(scope="module")
def alarms(deployed: Deployed) -> Alarms:
    return Alarms(deployed)


@pytest.fixture
def predictor(deployed: Deployed) -> str:
    return deployed.function("PredictionPredictor")


def test_every_alarm_has_a_test_that_fires_it(deployed: Deployed) -> None:
    fired = {
        "DriftAlarm",
        "DriftHeartbeatAlarm",
        "QualityAlarm",
        "WebServiceServerErrorsAlarm",
        *(
            f"Observability{name}Alarm"
            for name in (
                "AdmissionErrors",
                "ApiErrors",
                "ApprovalErrors",
                "ModelLoadFailures",
                "CompareErrors",
                "DatasetErrors",
                "DeadLetters",
                "DriftErrors",
                "FailedBatches",
                "GateErrors",
                "IteratorAge",
                "MonitoringAborted",
                "MonitoringFailed",
                "MonitoringTimedOut",
                "NotifyErrors",
                "PlanErrors",
                "PredictorErrors",
                "ProbationErrors",
                "PromoteErrors",
                "QualityErrors",
                "QuarantineRate",
                "RateErrors",
                "RetrainingAborted",
                "RetrainingFailed",
                "RetrainingTimedOut",
                "ScoringAborted",
                "ScoringErrors",
                "ScoringFailed",
                "ScoringTimedOut",
                "SettleErrors",
                "ShadowErrors",
                "SilentStream",
                "Throttles",
                "PartialBatchFailures",
            )
        ),
    }
    assert {name[:-8] for name in deployed.logical_ids("AWS::CloudWatch::Alarm")} == fired


def test_no_alarm_fires_on_a_new_stack(deployed: Deployed) -> None:
    """Alarms for silence wait for their first data; all others are OK without any."""
    names = {
        deployed.named(name, "AWS::CloudWatch::Alarm"): name
        for name in deployed.logical_ids("AWS::CloudWatch::Alarm")
    }
    states = {names[name][:-8]: state for name, state in deployed.alarms_when_new.items()}
    waiting = {"DriftHeartbeatAlarm", "ObservabilitySilentStreamAlarm"}
    assert {name for name, state in states.items() if state != "OK"} == waiting
    assert {states[name] for name in waiting} == {"INSUFFICIENT_DATA"}


def test_waiting_posts_fire_the_iterator_age_alarm(deployed: Deployed, alarms: Alarms) -> None:
    """The age is the mapping's own: posts wait for the batching window of one second."""
    with alarms.tightened("ObservabilityIteratorAge", Threshold=100.0):
        deployed.deployment.send([("key", b"not a post")])
        alarms.fires("ObservabilityIteratorAge")


@pytest.mark.parametrize(
    ("alarm", "function", "event"),
    [
        ("ObservabilityPredictorErrors", "PredictionPredictor", {}),
        ("ObservabilityGateErrors", "RetrainingGate", {}),
        ("ObservabilityPromoteErrors", "RetrainingPromote", {}),
        ("ObservabilityDriftErrors", "DriftDrift", {"start": "no time"}),
        ("ObservabilityPlanErrors", "MonitoringPlan", {"start": "no time"}),
        ("ObservabilitySettleErrors", "MonitoringSettle", {}),
        ("ObservabilityAdmissionErrors", "RetrainingAdmission", {}),
        ("ObservabilityShadowErrors", "RetrainingShadow", {}),
        ("ObservabilityNotifyErrors", "RetrainingNotify", {}),
        ("ObservabilityScoringErrors", "ScoringScoring", {}),
        ("ObservabilityCompareErrors", "RetrainingCompare", {}),
        ("ObservabilityProbationErrors", "RetrainingProbation", {}),
        ("ObservabilityApprovalErrors", "RetrainingApproval", {}),
        ("ObservabilityQualityErrors", "QualityQuality", {"start": "no time"}),
        ("ObservabilityRateErrors", "RateRate", {"start": "no time"}),
        ("ObservabilityApiErrors", "WebServiceApi", {}),
    ],
)
def test_a_failing_function_fires_its_errors_alarm(
    deployed: Deployed, alarms: Alarms, alarm: str, function: str, event: dict[str, Any]
) -> None:
    deployed.invoke(deployed.function(function), event)
    alarms.fires(alarm)


def test_a_failed_retraining_fires_its_alarm_and_the_functions(
    deployed: Deployed, alarms: Alarms
) -> None:
    dataset = deployed.function("RetrainingDataset")
    with environment(deployed, dataset, TRAINING_BUCKET="there-is-none"):
        # The emulator measures only invocations through its API, and omits those of workflows.
        deployed.invoke(dataset, {})
        assert deployed.retrain()["status"] == "FAILED"
    alarms.fires("ObservabilityDatasetErrors")
    alarms.fires("ObservabilityRetrainingFailed")


@pytest.mark.parametrize("workflow", ["Monitoring", "Retraining", "Scoring"])
def test_an_aborted_execution_fires_its_alarm(
    deployed: Deployed, alarms: Alarms, workflow: str
) -> None:
    with waiting(deployed, workflow) as started:
        deployed.client("stepfunctions").stop_execution(executionArn=started())
    alarms.fires(f"Observability{workflow}Aborted")


@pytest.mark.parametrize("workflow", ["Monitoring", "Retraining", "Scoring"])
def test_a_timed_out_execution_fires_its_alarm(
    deployed: Deployed, alarms: Alarms, workflow: str
) -> None:
    with waiting(deployed, workflow, TimeoutSeconds=1) as started:
        started()
        alarms.fires(f"Observability{workflow}TimedOut")


def test_a_failed_batch_scoring_fires_its_alarm(deployed: Deployed, alarms: Alarms) -> None:
    started = deployed.client("stepfunctions").start_execution(
        stateMachineArn=deployed.stack.outputs[stack_outputs.SCORING_STATE_MACHINE],
        input=json.dumps({"manifest": "there-is-none"}),
    )
    eventually("end of the scoring", lambda: ended(deployed, started["executionArn"]))
    alarms.fires("ObservabilityScoringFailed")


def test_a_failed_monitoring_run_fires_its_alarm(deployed: Deployed, alarms: Alarms) -> None:
    started = deployed.client("stepfunctions").start_execution(
        stateMachineArn=deployed.stack.outputs[stack_outputs.MONITORING_STATE_MACHINE],
        input=json.dumps({"start": "no time"}),
    )
    eventually("end of the measurement", lambda: ended(deployed, started["executionArn"]))
    alarms.fires("ObservabilityMonitoringFailed")


def ended(deployed: Deployed, execution: str) -> bool:
    return bool(deployed.deployment.describe(execution)["status"] != "RUNNING")


@contextmanager
def waiting(deployed: Deployed, workflow: str, **changes: Any) -> Iterator[Callable[[], str]]:
    """Make a workflow's executions wait for an hour; yield a call that starts one, and its ARN."""
    states = deployed.client("stepfunctions")
    machine = {"stateMachineArn": deployed.stack.outputs[f"{workflow}StateMachineArn"]}
    before = states.describe_state_machine(**machine)["definition"]
    patient = {
        "StartAt": "Wait",
        "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}},
        **changes,
    }
    states.update_state_machine(**machine, definition=json.dumps(patient))
    try:
        yield lambda: str(states.start_execution(**machine, input="{}")["executionArn"])
    finally:
        states.update_state_machine(**machine, definition=before)


def test_a_throttled_predictor_fires_the_throttles_alarm(
    deployed: Deployed, alarms: Alarms, predictor: str
) -> None:
    functions = deployed.client("lambda")
    functions.put_function_concurrency(FunctionName=predictor, ReservedConcurrentExecutions=0)
    try:
        with pytest.raises(functions.exceptions.TooManyRequestsException):
            functions.invoke(FunctionName=predictor, Payload=b"{}")
    finally:
        functions.delete_function_concurrency(FunctionName=predictor)
    alarms.fires("ObservabilityThrottles")


def test_a_hundred_invalid_posts_fire_the_quarantine_rate_alarm(
    deployed: Deployed, alarms: Alarms, predictor: str
) -> None:
    deployed.invoke(predictor, kinesis_event(*[b"not a post"] * 100))
    alarms.fires("ObservabilityQuarantineRate")


def test_partial_batch_failures_fire_their_alarm(
    deployed: Deployed, alarms: Alarms, predictor: str
) -> None:
    with environment(deployed, predictor, CHAMPION_PARAMETER="/there/is/none"):
        for _ in range(5):
            deployed.invoke(predictor, kinesis_event(POST))
    alarms.fires("ObservabilityPartialBatchFailures")


def test_web_service_errors_fire_their_alarm(deployed: Deployed, alarms: Alarms) -> None:
    function = deployed.function("WebServiceApi")
    with environment(deployed, function, CHAMPION_PARAMETER="/there/is/none"):
        for _ in range(5):
            deployed.invoke(function, request("GET", "/health"))
    alarms.fires("WebServiceServerErrors")


def test_a_discarded_batch_fires_the_failed_batches_alarm(
    deployed: Deployed, alarms: Alarms
) -> None:
    deployed.client("s3").put_object(
        Bucket=deployed.stack.outputs[stack_outputs.QUARANTINE_BUCKET],
        Key=f"aws/lambda/{uuid.uuid4()}",
        Body=b"{}",
    )
    alarms.fires("ObservabilityFailedBatches")


def test_a_dead_letter_fires_its_alarm(deployed: Deployed, alarms: Alarms) -> None:
    queue = deployed.named("DeadLetters", "AWS::SQS::Queue")
    deployed.client("sqs").send_message(QueueUrl=queue, MessageBody="{}")
    alarms.fires("ObservabilityDeadLetters")
    deployed.client("sqs").purge_queue(QueueUrl=queue)


def test_a_silent_drift_monitor_fires_the_heartbeat_alarm(
    deployed: Deployed, alarms: Alarms
) -> None:
    now = datetime.now(UTC)
    deployed.deployment.measure(now - timedelta(minutes=1), now)
    alarms.falls_silent("DriftHeartbeat")


def test_a_silent_stream_fires_its_alarm(deployed: Deployed, alarms: Alarms) -> None:
    deployed.deployment.send([("key", b"not a post")])
    alarms.falls_silent("ObservabilitySilentStream")


def test_live_quality_below_the_threshold_starts_a_retraining(
    deployed: Deployed, alarms: Alarms, retraining: dict[str, Any]
) -> None:
    """Label streamed posts wrongly; the gate refuses the model that learns from them."""
    wrong = deployed.deployment.label([replace(post, label=1 - post.label) for post in STREAMED])
    try:
        now = datetime.now(UTC)
        measured = deployed.deployment.measure(now - timedelta(minutes=1), now)
        assert measured.quality["status"] == "measured"
        alarms.fires("QualityAlarm")
        output = eventually("the retraining's end", lambda: started_by(deployed, QUALITY_ALARM))
        assert output["dataset"]["new_labels"] == len(STREAMED)
        assert not output["gate"]["accepted"]
    finally:
        bucket, key = Location.parse(wrong)
        deployed.client("s3").delete_object(Bucket=bucket, Key=key)


def started_by(deployed: Deployed, trigger: str) -> dict[str, Any] | None:
    """Return the output of an execution that a trigger started, once it ended."""
    described = (
        deployed.deployment.describe(one["executionArn"])
        for one in deployed.deployment.executions()
    )
    outputs = [json.loads(one["output"]) for one in described if "output" in one]
    return next((output for output in outputs if output.get("trigger") == trigger), None)


def test_a_model_load_failure_fires_its_alarm(
    deployed: Deployed, alarms: Alarms, predictor: str, tmp_path: Any, labelled_posts: Any
) -> None:
    model = train_version(tmp_path, labelled_posts)["model.npz"]
    bucket = deployed.stack.outputs[stack_outputs.MODEL_BUCKET]
    parameter = deployed.stack.outputs[stack_outputs.CHAMPION_PARAMETER]
    ssm = deployed.client("ssm")
    before = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    deployed.client("s3").put_object(Bucket=bucket, Key="models/alarms/model.npz", Body=model)

    def promote(digest: str) -> None:
        pointer = Pointer("alarms", f"s3://{bucket}/models/alarms/", digest)
        ssm.put_parameter(Name=parameter, Value=pointer.to_json(), Type="String", Overwrite=True)

    def refused() -> bool:
        said = deployed.invoke(predictor, kinesis_event(POST))
        return "DigestMismatch" in said

    try:
        with environment(deployed, predictor, CHAMPION_TTL_SECONDS="1"):
            promote(sha256(model))
            assert '"batchItemFailures": []' in deployed.invoke(predictor, kinesis_event(POST))
            promote("0" * 64)
            eventually("refusal of the altered model", refused)
    finally:
        ssm.put_parameter(Name=parameter, Value=before, Type="String", Overwrite=True)
    alarms.fires("ObservabilityModelLoadFailures")
