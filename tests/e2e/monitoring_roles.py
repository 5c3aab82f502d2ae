"""The tasks of the monitoring workflow's function roles, each done once."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.drift.handler import handler as measure_drift
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import Location
from stresswatch.contracts.sampling import SampleShares
from stresswatch.monitoring.drift_reports import Signer
from stresswatch.settled.places import PREDICTIONS, SHADOW, Part, part_of
from stresswatch.settled.plan import Job
from stresswatch.settled.windows import Window
from tests.e2e.deployed import Deployed
from tests.e2e.policies import Permission
from tests.integration.conftest import CONTEXT
from tests.integration.drawn import SHARD, archive_posts, drawn_posts

HOUR = timedelta(hours=1)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Stage(Protocol):
    """The deployed stack, with a champion and with posts that it predicted."""

    @property
    def deployed(self) -> Deployed: ...

    def predict(self, permission: Permission | None) -> str: ...


def plan(stage: Stage, _: Permission | None) -> str:
    """Plan a scheduled run after the present hour; both archives have parts."""
    _settled(stage)
    event = {"time": (datetime.now(UTC) + HOUR + timedelta(minutes=2)).isoformat()}
    return stage.deployed.invoke(stage.deployed.function("MonitoringPlanFunction"), event)


def settle(stage: Stage, _: Permission | None) -> str:
    """Settle in both archives a part that is settled already, and a shard that does not exist."""
    _settled(stage)
    deployed, said = stage.deployed, ""
    bucket = deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
    for archive in (PREDICTIONS, SHADOW):
        found = [part_of(key) for key in deployed.objects(bucket, archive.settled)]
        settled = next(part for part in found if part.shard.startswith("shardId-"))
        absent = {
            "archive": archive.name,
            "start": LONG_AGO.isoformat(),
            "end": (LONG_AGO + HOUR).isoformat(),
            "shard": uuid.uuid4().hex,
        }
        for job in (Job(archive, settled).to_dict(), absent):
            said += deployed.invoke(deployed.function("MonitoringSettleFunction"), job)
    return said


def drift(stage: Stage, _: Permission | None) -> str:
    """Run the function's handler in this process, with its settings and under its role.

    The emulator ends a function's process when it fails, and importing Evidently takes long.
    """
    _settled(stage)
    deployed, window = stage.deployed, _window(stage.deployed)
    function = deployed.function("DriftDriftFunction")
    settings = deployed.client("lambda").get_function_configuration(FunctionName=function)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # a kept client would use other credentials
        environment = settings["Environment"]["Variables"]
        for name, value in (environment | _credentials_of(deployed, settings["Role"])).items():
            patch.setenv(name, value)
        # Report the posts as drifted: the notification is sent, and its link is followed.
        patch.setenv("DRIFT_SHARE_THRESHOLD", "0")
        try:
            answer = measure_drift(window, CONTEXT)
            bucket, key = Location.parse(answer["report"])
            return json.dumps(answer) + follow(Signer(bucket, hours=1).link(key))
        except ClientError as refusal:
            return str(refusal)


def rate(stage: Stage, _: Permission | None) -> str:
    """Estimate from posts of an earlier day, some of them sampled, so that Athena is queried.

    It is one of the last seven days, whose rates are published.
    """
    deployed = stage.deployed
    bucket = deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
    day = datetime.now(UTC).date() - timedelta(days=5)
    if not deployed.objects(bucket, f"{PREDICTIONS.drawn}date={day}/"):
        posts = drawn_posts(b"k" * 64, [day], 60, SampleShares(0.5))
        archive_posts(deployed.client("s3"), bucket, posts)
        settle_hours(deployed, [day])
    return deployed.invoke(deployed.stack.outputs[stack_outputs.RATE_FUNCTION], {})


def settle_hours(deployed: Deployed, days: Iterable[date]) -> None:
    """Settle the hour of each day in which `drawn_posts` puts all posts."""
    settle = deployed.stack.outputs[stack_outputs.SETTLE_FUNCTION]
    for day in days:
        start = datetime.combine(day, time(9), UTC)
        job = Job(PREDICTIONS, Part(Window(start, start + HOUR), SHARD)).to_dict()
        assert '"posts"' in deployed.invoke(settle, job)


def _settled(stage: Stage) -> None:
    """Settle the last hour of both archives, unless it is settled."""
    deployed = stage.deployed
    bucket = deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
    if deployed.objects(bucket, SHADOW.settled):
        return
    if not deployed.objects(bucket, SHADOW.raw):
        stage.predict(None)
    execution = deployed.client("stepfunctions").start_execution(
        stateMachineArn=deployed.stack.outputs[stack_outputs.MONITORING_STATE_MACHINE],
        input=json.dumps({**_last_hour(), "settle_only": True}),
    )
    deployed.deployment.follow(execution["executionArn"], 120, lambda _: None, "settling")


def _window(deployed: Deployed) -> dict[str, Any]:
    """Return the last hour as a window to measure, in the plan's form."""
    answer = deployed.client("lambda").invoke(
        FunctionName=deployed.stack.outputs[stack_outputs.PLAN_FUNCTION],
        Payload=json.dumps(_last_hour()),
    )
    (window,) = json.loads(answer["Payload"].read())["windows"]
    return dict(window)


def _last_hour() -> dict[str, str]:
    now = datetime.now(UTC)
    return {"start": (now - HOUR).isoformat(), "end": now.isoformat()}


def _credentials_of(deployed: Deployed, role_arn: str) -> dict[str, str]:
    credentials = deployed.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")[
        "Credentials"
    ]
    return {
        "AWS_ENDPOINT_URL": deployed.stack.endpoint,
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }


def follow(link: str) -> str:
    """Open a link as a browser does; return how the signer was refused, if so."""
    try:
        with urllib.request.urlopen(link) as page:
            assert b"<html" in page.read(2000).lower()
            return ""
    except urllib.error.HTTPError as refusal:
        return "GetObject: AccessDenied" if refusal.code == 403 else str(refusal)


SCENARIOS = {
    "DriftDriftRole": drift,
    "MonitoringPlanRole": plan,
    "MonitoringSettleRole": settle,
    "RateRateRole": rate,
}
