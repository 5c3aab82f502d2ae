"""The monitoring workflow: after each window, settle the archive, and measure it."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_app.constructs.monitoring.workflow_states import definition
from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import invoked_in_step, role_of
from cdk_app.constructs.platform.schedules import Schedule
from cdk_app.constructs.platform.workflows import MONITORING, workflow, workflow_role
from cdk_app.permissions import allow
from stresswatch.monitoring import drift_history
from stresswatch.settled.environments import PlanEnvironment, SettleEnvironment
from stresswatch.settled.places import PREDICTIONS, SHADOW
from stresswatch.settled.windows import LAG, SCHEDULED_TIME

_ARCHIVES = (PREDICTIONS, SHADOW)
_LONGEST = Duration.hours(3)
"""A full shard's hour is settled in 40 seconds; a run that takes this long is stuck."""


class MonitoringWorkflow(Construct):
    """Schedule → plan → settle, by shard → drift, by window → live quality, rate, when due.

    Attributes
    ----------
    functions : dict of str to lambda_.Function
        The functions from here: ``plan`` and ``settle``.
    state_machine : sfn.StateMachine
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        foundation: Foundation,
        drift: lambda_.Function,
        quality: lambda_.Function,
        rate: lambda_.Function,
    ):
        super().__init__(scope, id)
        self._foundation = foundation
        self.functions = {"plan": self._plan(), "settle": self._settle()}
        steps = {**self.functions, "drift": drift, "quality": quality, "rate": rate}
        for function in steps.values():
            invoked_in_step(
                function, "the workflow waits for the result, and the next run continues the work."
            )
        role = workflow_role(self)
        allow(role, ["lambda:InvokeFunction"], [one.function_arn for one in steps.values()])
        settings = foundation.stage.monitoring
        states = definition(
            {name: function.function_arn for name, function in steps.items()},
            settings.settle_concurrency,
        )
        self.state_machine = workflow(
            self,
            foundation,
            MONITORING,
            role,
            sfn.DefinitionBody.from_string(Stack.of(self).to_json_string(states)),
            timeout=_LONGEST,
        )
        Schedule(
            self,
            "Schedule",
            description="Settles and measures each window of predictions",
            expression=after_each_window(settings.window_minutes),
            action="states:StartExecution",
            target_arn=self.state_machine.state_machine_arn,
            input={"time": SCHEDULED_TIME},
            retries=2,
            dead_letters=foundation.dead_letters,
        )

    def _plan(self) -> lambda_.Function:
        stage, storage = self._foundation.stage, self._foundation.storage
        function = self._foundation.functions.zip_function(
            self,
            "plan",
            memory_mb=512,
            timeout=Duration.minutes(5),
            concurrency=stage.serving.other_concurrency,
            environment=PlanEnvironment(
                stage=stage.name,
                archive_bucket=storage.archive.bucket_name,
                window_minutes=stage.monitoring.window_minutes,
                quality_every_hours=stage.monitoring.quality_every_hours,
            ),
        )
        role, summaries = role_of(function), [one.summaries for one in _ARCHIVES]
        storage.grant_list(
            role,
            storage.archive,
            *(one.raw for one in _ARCHIVES),
            *summaries,
            drift_history.PREFIX,
        )
        storage.grant_read(role, storage.archive, *summaries)
        return function

    def _settle(self) -> lambda_.Function:
        foundation, stage = self._foundation, self._foundation.stage
        storage = foundation.storage
        function = foundation.functions.zip_function(
            self,
            "settle",
            layers=[foundation.functions.packages_layer("settling")],
            memory_mb=1769,  # one full vCPU
            timeout=Duration.minutes(15),
            # A shard's full hour, raw and settled, with space to sort.
            storage_mb=4096,
            concurrency=stage.monitoring.settle_concurrency,
            environment=SettleEnvironment(
                stage=stage.name,
                archive_bucket=storage.archive.bucket_name,
                sample_posts=stage.monitoring.maximum_window_posts,
            ),
        )
        role = role_of(function)
        raw = [one.raw for one in _ARCHIVES]
        made = [prefix for one in _ARCHIVES for prefix in one.made]
        # It checks for existing parts.
        storage.grant_list(role, storage.archive, *raw, *made)
        storage.grant_read(role, storage.archive, *raw, *(one.summaries for one in _ARCHIVES))
        storage.grant_write(role, storage.archive, *made)
        return function


def after_each_window(minutes: int) -> str:
    """Run once for each window of the day's grid, after it is archived."""
    lag = int(LAG.total_seconds()) // 60
    if minutes < 60:
        return f"cron({lag}/{minutes} * * * ? *)"
    return f"cron({lag} 0/{minutes // 60} * * ? *)"
