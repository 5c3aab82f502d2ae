"""Each permission of a role is needed: without it, something fails and says so.

Every policy is split into permissions: one action on one resource, under one value of a
condition. Each is removed in turn through IAM's API, while IAM is enforced, and the role's task is
done once. What the local stack cannot refuse is listed here with its user on AWS; keys and the
workflow are checked in `tests/infrastructure/test_least_privilege.py`.
"""

from __future__ import annotations

import itertools
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.deployment.client import payload
from local.alarms.events import route
from stresswatch.aws import stack_outputs
from stresswatch.contracts.labelled_posts import labelled_post_record
from stresswatch.monitoring import label_table
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.journal import Journal
from stresswatch.retraining.probation import SETTLES
from stresswatch.retraining.triggers import DRIFT_ALARM, request_of
from stresswatch.retraining.verdict import Basis
from stresswatch.settled.places import PREDICTIONS, SHADOW
from stresswatch.storage import prefixes
from stresswatch.storage.training_sets import LABELS_PREFIX, given_by, to_lines
from stresswatch.versions.champion import Pointer
from stresswatch.versions.model_version import VERDICT_FILE
from stresswatch.versions.shadow import ARCHIVE_PREFIX as SHADOW_PREFIX
from tests.e2e import monitoring_roles
from tests.e2e.deployed import STREAMED, Deployed, environment, kinesis_event
from tests.e2e.policies import Permission, Policy
from tests.e2e.waiting import eventually
from tests.integration.conftest import request

BEYOND = {
    "kms": "AWS's services use keys in the role's name, and the emulator encrypts nothing",
    "logs": "Lambda and SageMaker write their logs in the role's name",
    "xray": "Lambda sends traces in the role's name",
    "ecr": "SageMaker pulls the training image in the role's name",
    "glue": "Athena looks tables up in the role's name",
    "s3:GetBucketLocation": "asked by Athena in the role's name",
    "s3:AbortMultipartUpload": "asked by Athena in the role's name",
    "s3:ListMultipartUploadParts": "asked by Athena in the role's name",
    "athena:StopQueryExecution": "asked of a query that takes ten minutes",
    "kinesis:DescribeStream": "asked by Lambda's poller, and not by the local one",
    "kinesis:DescribeStreamSummary": "asked by Lambda's poller, and not by the local one",
}
"""Services and actions that the local stack cannot refuse, and their users on AWS."""

ASKED_BY_ATHENA = {
    "QualityQualityRole": (PREDICTIONS.settled, prefixes.QUERY_RESULTS),
    "RateRateRole": (str(PREDICTIONS.drawn), label_table.PREFIX, prefixes.QUERY_RESULTS),
    **dict.fromkeys(
        ("RetrainingCompareRole", "RetrainingProbationRole"),
        (PREDICTIONS.settled, SHADOW.settled, prefixes.QUERY_RESULTS),
    ),
}
"""Prefixes where Athena reads, lists and writes in the role's name, and the emulator in none."""
BEYOND_OF_ROLE = {
    "PredictionPredictorRole": {"s3:ListBucket": "Lambda looks for its failure destination"},
    "RetrainingTrainingRole": {"cloudwatch:PutMetricData": "SageMaker measures the instance"},
}
ROLES_BEYOND = {
    "PredictionReleaseRole": "the local stack has no canary, which CodeDeploy moves",
    "WebServiceReleaseRole": "the local stack has no canary, which CodeDeploy moves",
    "MonitoringScheduleRole": "the local stack starts schedules by rules, under no role",
    "MonitoringWorkflowRole": "the emulator's Step Functions calls as the account's root user",
    "RetrainingWorkflowRole": "the emulator's Step Functions calls as the account's root user",
    "ScoringWorkflowRole": "the emulator's Step Functions calls as the account's root user",
}


@dataclass
class Stage:
    """The deployed stack, ready for each role's task."""

    deployed: Deployed
    retraining: dict[str, Any]
    log: pytest.LogCaptureFixture
    folder: Path
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def measure_quality(self, _: Permission | None) -> str:
        """Measure from a cold start, which reads the key of the text digests."""
        function = self.deployed.function("QualityQualityFunction")
        self._make_cold(function)
        self._label()
        return self.deployed.invoke(function, {})

    def assemble(self, _: Permission | None) -> str:
        function = self.deployed.function("RetrainingDatasetFunction")
        return self.deployed.invoke(function, request_of("test", "a test", force=True))

    def admit(self, _: Permission | None) -> str:
        """Admit another execution each time, to look up the previous one."""
        event = {"execution": self._another_execution(), "request": request_of(DRIFT_ALARM, "")}
        return self.deployed.invoke(self.deployed.function("RetrainingAdmissionFunction"), event)

    def _another_execution(self) -> str:
        machine = self.deployed.stack.outputs[stack_outputs.RETRAINING_STATE_MACHINE]
        return f"{machine.replace(':stateMachine:', ':execution:')}:{uuid.uuid4()}"

    def shadow(self, _: Permission | None) -> str:
        function = self.deployed.function("RetrainingShadowFunction")
        return self.deployed.invoke(function, self._champion | {"seconds": 0})

    @property
    def _champion(self) -> dict[str, str]:
        return {name: self.retraining["gate"][name] for name in ("version", "uri", "sha256")}

    def compare(self, _: Permission | None) -> str:
        bucket = self.deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
        if not self.deployed.objects(bucket, SHADOW_PREFIX):
            self.predict(None)
        now = datetime.now(UTC)
        event = {
            "version": self.retraining["gate"]["version"],
            "parent": self.retraining["gate"]["version"],
            "basis": Basis.CHAMPION,
            "start": (now - timedelta(minutes=30)).isoformat(),
            "end": now.isoformat(),
        }
        function = self.deployed.function("RetrainingCompareFunction")
        self._make_cold(function)
        self._label()
        return self.deployed.invoke(function, event)

    def look_at_champion(self, _: Permission | None) -> str:
        """Roll the champion back, to itself, by a rule that is always broken."""
        outputs, champion = self.deployed.stack.outputs, self._champion
        if not self.deployed.objects(outputs[stack_outputs.ARCHIVE_BUCKET], SHADOW_PREFIX):
            self.predict(None)
            end = datetime.now(UTC) + SETTLES
            eventually("end of what is looked at", lambda: datetime.now(UTC) > end)
        if not self.deployed.objects(outputs[stack_outputs.ARCHIVE_BUCKET], SHADOW.settled):
            now = datetime.now(UTC)
            self.deployed.deployment.measure(now - timedelta(hours=1), now)
        end = datetime.now(UTC) - SETTLES
        window = {"start": (end - timedelta(minutes=30)).isoformat(), "end": end.isoformat()}
        versions = {"version": champion["version"], "previous": champion}
        event = {**versions, "basis": Basis.CHAMPION, **window}
        function = self.deployed.function("RetrainingProbationFunction")
        unmet = GateRules(minimum_posts=1, minimum_agreement=2).to_json()
        self._label()
        with environment(self.deployed, function, GATE_RULES=unmet):
            answer = self.deployed.invoke(function, event)
        table = outputs[stack_outputs.JOURNAL_TABLE]
        Journal(self.deployed.client("dynamodb"), table).lift_bar(champion["version"])
        return answer

    def _label(self) -> None:
        """Put one more file of labels, so that the table of the newest labels is written."""
        bucket = self.deployed.stack.outputs[stack_outputs.TRAINING_BUCKET]
        labels = to_lines(given_by(STREAMED[:1], datetime.now(UTC)))
        self.deployed.client("s3").put_object(
            Bucket=bucket, Key=f"{LABELS_PREFIX}{uuid.uuid4().hex}.jsonl", Body=labels
        )

    def score(self, _: Permission | None) -> str:
        """Score a part from a cold start, which loads the model."""
        bucket = self.deployed.stack.outputs[stack_outputs.TRAINING_BUCKET]
        key = "scoring/tried.jsonl"
        _, post = payload(STREAMED[0])
        etag = self.deployed.client("s3").put_object(Bucket=bucket, Key=key, Body=post)["ETag"]
        part = {"number": 0, "key": key, "etag": etag, "start": 0, "end": len(post)}
        function = self.deployed.function("ScoringScoringFunction")
        self._make_cold(function)
        event = {"part": part, "results": f"{key}.scored/v/", **self._champion}
        return self.deployed.invoke(function, event)

    def await_approval(self, _: Permission | None) -> str:
        event = {"version": "v0", "execution": self._another_execution(), "token": "token"}
        return self.deployed.invoke(self.deployed.function("RetrainingApprovalFunction"), event)

    def notify(self, _: Permission | None) -> str:
        event = {"subject": "a test", "asks": False, "execution": "e", "state": self.retraining}
        return self.deployed.invoke(self.deployed.function("RetrainingNotifyFunction"), event)

    def train(self, permission: Permission | None) -> str:
        """Run the whole workflow, in which the job's role is used."""
        if permission is None:
            return json.dumps(self.retraining)  # it has run already with every permission
        described = self.deployed.retrain()
        return described["status"] + json.dumps(described["history"], default=str)

    def judge(self, _: Permission | None) -> str:
        dataset, training = self.retraining["dataset"], self.retraining["training"]
        event = {
            "version": dataset["version"],
            "dataset_uri": dataset["dataset_uri"],
            "training": training,
        }
        # A version with a verdict is not judged again.
        self.deployed.client("s3").delete_object(
            Bucket=self.deployed.stack.outputs[stack_outputs.MODEL_BUCKET],
            Key=f"models/{dataset['version']}/{VERDICT_FILE}",
        )
        return self.deployed.invoke(self.deployed.function("RetrainingGateFunction"), event)

    def promote(self, _: Permission | None) -> str:
        """Promote the champion again, as the first one."""
        function = self.deployed.function("RetrainingPromoteFunction")
        self.deployed.point_to(None)
        try:
            return self.deployed.invoke(function, {"gate": self._champion | {"parent": ""}})
        finally:
            self.deployed.point_to(Pointer(**self._champion))

    def predict(self, permission: Permission | None) -> str:
        """Predict a batch from a cold start, or poll for one, depending on the permission."""
        if (
            permission
            and permission.action.startswith("kinesis:")
            and "posts" in permission.resource
        ):
            return self._poll()
        if permission and permission.resource.endswith("/aws/lambda/*"):
            return self._poll()
        function = self.deployed.stack.outputs[stack_outputs.PREDICTOR_FUNCTION]
        self._make_cold(function)
        self.shadow(None)  # for the minute of grace
        return self.deployed.invoke(function, kinesis_event(payload(STREAMED[0])[1], b"{"))

    def _make_cold(self, function: str) -> None:
        functions = self.deployed.client("lambda")
        settings = functions.get_function_configuration(FunctionName=function)["Environment"]
        settings["Variables"]["COLD_START"] = str(next(self._numbers))
        functions.update_function_configuration(FunctionName=function, Environment=settings)

    def serve(self, _: Permission | None) -> str:
        """Predict a post from a cold start and accept a label, as the gateway requests it."""
        function = self.deployed.function("WebServiceApi")
        self._make_cold(function)
        record = labelled_post_record(STREAMED[0]) | {"post_id": f"served-{next(self._numbers)}"}
        return "".join(
            self.deployed.invoke(function, request("POST", path, json.dumps(record)))
            for path in ("/predict", "/labels")
        )

    def _poll(self) -> str:
        """Poll as a mapping whose function fails, until a batch is discarded or a call refused."""
        bucket = self.deployed.stack.outputs[stack_outputs.QUARANTINE_BUCKET]
        before = len(self.deployed.objects(bucket, "aws/lambda/"))
        self.log.clear()

        def outcome() -> str | None:
            is_delivered = len(self.deployed.objects(bucket, "aws/lambda/")) > before
            return self.log.text if is_delivered or "AccessDenied" in self.log.text else None

        try:
            # A batch of posts gives it no version to promote.
            folder = self.folder / uuid.uuid4().hex
            with self.deployed.polled_by("RetrainingPromoteFunction", folder):
                return eventually("end of a batch", outcome)
        except ClientError as refusal:
            return str(refusal)

    def react(self, _: Permission | None) -> str:
        """Start a retraining by the drift alarm's rule; one that starts is stopped again."""
        alarm = self.deployed.deployment.drift_alarm()
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "CloudWatch Alarm State Change",
            "source": "aws.cloudwatch",
            "account": "000000000000",
            "time": "2026-11-23T00:00:00Z",
            "region": self.deployed.endpoint.region,
            "resources": [alarm["AlarmArn"]],
            "detail": {"state": {"value": "ALARM", "reason": "a test"}},
        }
        self.log.clear()
        route(event, self.deployed.endpoint)
        for execution in self.deployed.deployment.executions():
            if execution["status"] == "RUNNING":
                self.deployed.client("stepfunctions").stop_execution(
                    executionArn=execution["executionArn"]
                )
        return self.log.text


Scenario = Callable[[Any, Permission | None], str]
SCENARIOS: dict[str, Scenario] = {
    **monitoring_roles.SCENARIOS,
    "PredictionPredictorRole": Stage.predict,
    "QualityQualityRole": Stage.measure_quality,
    "RetrainingAdmissionRole": Stage.admit,
    "RetrainingApprovalRole": Stage.await_approval,
    "RetrainingCompareRole": Stage.compare,
    "RetrainingShadowRole": Stage.shadow,
    "RetrainingDatasetRole": Stage.assemble,
    "RetrainingGateRole": Stage.judge,
    "RetrainingNotifyRole": Stage.notify,
    "RetrainingProbationRole": Stage.look_at_champion,
    "RetrainingPromoteRole": Stage.promote,
    "RetrainingTrainingRole": Stage.train,
    "RetrainingWorkflowEventsRole": Stage.react,
    "WebServiceApiRole": Stage.serve,
    "ScoringScoringRole": Stage.score,
}


def refuses(said: str, action: str) -> bool:
    """Return whether an action was denied, in IAM's words or in the predictor's."""
    operation = action.partition(":")[2]
    words = [f"not authorized to perform: {action}\\b", f"{operation}: AccessDenied"]
    if action == "s3:GetObject":
        words.append(_HEAD)
    if action == "s3:ListBucket":
        words.append("ListObjectsV2: AccessDenied")
    return re.search("|".join(words), said) is not None


def is_refused_anything(said: str) -> bool:
    return re.search(f"AccessDenied|not authorized|{_HEAD}", said) is not None


# The answer to HEAD has no body, and so no words for it.
_HEAD = r"\(403\) when calling the HeadObject operation"


@pytest.fixture
def stage(
    deployed: Deployed,
    retraining: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> Stage:
    return Stage(deployed, retraining, caplog, tmp_path)


def is_beyond(role: str, permission: Permission) -> bool:
    service = permission.action.partition(":")[0]
    return (
        service in BEYOND
        or permission.action in BEYOND
        or any(is_listed_as(name, permission) for name in BEYOND_OF_ROLE.get(role, {}))
        or any(
            f"/{prefix}*" in permission.resource or f'"{prefix}*"' in permission.condition
            for prefix in ASKED_BY_ATHENA.get(role, ())
        )
    )


def is_listed_as(name: str, permission: Permission) -> bool:
    """Return whether it is the named action, or that action `of` a value in its condition."""
    action, _, what = name.partition(" of ")
    return permission.action == action and what in permission.condition


@pytest.mark.parametrize("role", SCENARIOS)
def test_removing_any_permission_breaks_the_roles_task(stage: Stage, role: str) -> None:
    scenario = SCENARIOS[role]
    said = scenario(stage, None)
    assert not is_refused_anything(said), said

    policy = Policy.of(stage.deployed, role)
    tried = [one for one in policy.permissions if not is_beyond(role, one)]
    not_missed = []
    for permission in tried:
        with policy.without(permission):
            said = scenario(stage, permission)
        if not refuses(said, permission.action):
            not_missed.append(f"{permission}: {said[-500:]}")
    assert tried
    assert not_missed == []


def test_every_role_is_tested_or_exempt_with_a_reason(deployed: Deployed) -> None:
    roles = deployed.logical_ids("AWS::IAM::Role")
    known = [*SCENARIOS, *ROLES_BEYOND]
    assert [role for role in roles if not role.startswith(tuple(known))] == []


def test_every_exempt_permission_is_granted_to_a_role(deployed: Deployed) -> None:
    granted = {role: Policy.of(deployed, role).permissions for role in SCENARIOS}
    actions = {one.action for permissions in granted.values() for one in permissions}
    services = {action.partition(":")[0] for action in actions}
    assert set(BEYOND) <= actions | services
    for role, listed in BEYOND_OF_ROLE.items():
        for name in listed:
            assert any(is_listed_as(name, one) for one in granted[role]), name
