"""The state machine of a retraining, with its order of states and its failures."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from cdk_app.acknowledgements import acknowledge_wildcards
from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.workflows import RETRAINING, workflow, workflow_role
from cdk_app.constructs.retraining.settling import Settling
from cdk_app.constructs.retraining.shadowing import Shadowing
from cdk_app.constructs.retraining.states import States
from cdk_app.constructs.retraining.training_job import TrainingJob
from stresswatch.retraining.triggers import SCHEDULE, TRIGGER

_OUT_OF_CAPACITY = (
    "*CapacityError: Unable to provision*",
    "*MaxWaitTimeExceeded*",
    "*service limit*current utilization of *",
)
"""Errors of a job without an instance: none was free, no spot in time, the quota was used."""
_QUOTA_IS_TOO_SMALL = "*current utilization of 0 *"
"""SageMaker's error for a quota that is too small even when unused: a retry cannot help.

https://github.com/aws/sagemaker-python-sdk/issues/35
"""


class RetrainingStateMachine:
    """Admit → data set → train → gate → shadow → approve → promote or not → probation."""

    def __init__(
        self,
        scope: Construct,
        foundation: Foundation,
        functions: Mapping[str, lambda_.Function],
        job: TrainingJob,
        monitoring: sfn.StateMachine,
    ):
        self._scope = scope
        self._foundation = foundation
        self._settings = foundation.stage.retraining
        self._functions = functions
        self._job = job
        states = States(scope, foundation, functions)
        self._states = states
        self._failed = states.notify("NotifyFailed", "A retraining failed").next(states.ended)
        self._rejected = states.notify(
            "NotifyRejected", "A challenger was rejected; the champion stays"
        )
        settling = Settling(scope, foundation.stage, monitoring, self._failed)
        self._settling = settling
        self._shadowing = Shadowing(scope, states, self._step, settling)
        self._accepted = (
            self._step("Promote", "$.promotion")
            .next(states.notify("NotifyPromoted", "A new champion serves"))
            .next(self._shadowing.probation_if_asked())
        )

    def make(self) -> sfn.StateMachine:
        """Make the state machine."""
        admit = self._step(
            "Admit",
            "$.admission",
            {
                "execution": sfn.JsonPath.string_at("$$.Execution.Id"),
                "request": sfn.JsonPath.object_at("$"),
            },
            name="admission",
        )
        build = self._step("BuildDataSet", "$.dataset", name="dataset")
        admitted = (
            sfn.Choice(self._scope, "Admitted?")
            .when(
                sfn.Condition.boolean_equals("$.admission.admitted", True),
                build.next(self._with_data_set()),
            )
            .when(
                sfn.Condition.is_string("$.admission.again_at"),
                sfn.Wait(
                    self._scope,
                    "AwaitProbation",
                    time=sfn.WaitTime.timestamp_path("$.admission.again_at"),
                ).next(admit),
            )
            .otherwise(sfn.Succeed(self._scope, "Suppressed"))
        )
        return workflow(
            self._scope,
            self._foundation,
            RETRAINING,
            self._workflow_role(),
            admit.next(admitted),
            timeout=self._longest_run(),
        )

    def _with_data_set(self) -> sfn.Choice:
        """Train and judge if enough labels are new; decline a schedule without a message."""
        return (
            sfn.Choice(self._scope, "EnoughNewLabels?")
            .when(sfn.Condition.is_null("$.dataset.declined"), self._train_and_judge())
            .when(
                sfn.Condition.and_(
                    sfn.Condition.is_present(f"$.{TRIGGER}"),
                    sfn.Condition.string_equals(f"$.{TRIGGER}", SCHEDULE),
                ),
                sfn.Succeed(self._scope, "Declined"),
            )
            .otherwise(self._states.notify("NotifyDeclined", "A retraining waits for labels"))
        )

    def _train_and_judge(self) -> sfn.Chain:
        train = self._job.state()
        train.add_catch(self._try_again(train), errors=["States.ALL"], result_path="$.error")
        judge = self._step(
            "Gate",
            "$.gate",
            {
                "version": sfn.JsonPath.string_at("$.dataset.version"),
                "dataset_uri": sfn.JsonPath.string_at("$.dataset.dataset_uri"),
                "training": sfn.JsonPath.object_at("$.training"),
            },
        )
        judged = (
            sfn.Choice(self._scope, "Accepted?")
            .when(
                sfn.Condition.boolean_equals("$.gate.accepted", True),
                self._shadowing.shadow_if_asked(self._approve_if_asked(), self._rejected),
            )
            .otherwise(self._rejected)
        )
        if "registry" in self._functions:
            register = self._step(
                "Register",
                sfn.JsonPath.DISCARD,
                {"version": sfn.JsonPath.string_at("$.gate.version")},
                name="registry",
            )
            judge.next(register).next(judged)
        else:
            judge.next(judged)
        first = self._states.assign("FirstAttempt", "$.attempt", {"number": 1})
        return first.next(train).next(judge)

    def _approve_if_asked(self) -> sfn.Choice:
        return (
            sfn.Choice(self._scope, "NeedsApproval?")
            .when(sfn.Condition.boolean_equals("$.gate.requires_approval", True), self._approve())
            .otherwise(self._accepted)
        )

    def _step(
        self,
        id: str,
        result_path: str,
        payload: dict[str, object] | None = None,
        *,
        name: str | None = None,
    ) -> tasks.LambdaInvoke:
        """Invoke a function, with the parameters of `States.invoke`; its failure ends the run."""
        step = self._states.invoke(id, result_path, payload, name=name)
        step.add_catch(self._failed, errors=["States.ALL"], result_path="$.error")
        return step

    def _workflow_role(self) -> iam.Role:
        role = workflow_role(self._scope)
        self._foundation.notifications.grant_publish(role)
        self._job.grant_start(role)
        self._settling.grant_run(role)
        acknowledge_wildcards(
            role,
            [f"{function.function_arn}:*" for function in self._functions.values()],
            "CDK's task allows all versions of its function.",
        )
        return role

    def _try_again(self, train: sfn.CustomState) -> sfn.Choice:
        """Wait and retry if AWS had no instance; each job needs a new name."""
        is_out_of_capacity = [
            sfn.Condition.string_matches("$.error.Cause", pattern) for pattern in _OUT_OF_CAPACITY
        ]
        again = (
            sfn.Wait(
                self._scope,
                "WaitForCapacity",
                time=sfn.WaitTime.duration(Duration.minutes(self._settings.capacity_wait_minutes)),
            )
            .next(
                self._states.assign(
                    "NextAttempt",
                    "$.attempt",
                    {
                        "number": sfn.JsonPath.math_add(
                            sfn.JsonPath.number_at("$.attempt.number"), 1
                        )
                    },
                )
            )
            .next(train)
        )
        return (
            sfn.Choice(self._scope, "OutOfCapacity?")
            .when(
                sfn.Condition.and_(
                    sfn.Condition.is_present("$.error.Cause"),
                    sfn.Condition.number_less_than(
                        "$.attempt.number", self._settings.training_attempts
                    ),
                    sfn.Condition.not_(
                        sfn.Condition.string_matches("$.error.Cause", _QUOTA_IS_TOO_SMALL)
                    ),
                    sfn.Condition.or_(*is_out_of_capacity),
                ),
                again,
            )
            .otherwise(self._failed)
        )

    def _approve(self) -> sfn.Chain:
        """Promote after a manual approval; if it times out, the champion stays."""
        wait = tasks.LambdaInvoke(
            self._scope,
            "AwaitApproval",
            lambda_function=self._functions["approval"],
            integration_pattern=sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN,
            payload=sfn.TaskInput.from_object(
                {
                    "version": sfn.JsonPath.string_at("$.gate.version"),
                    "execution": sfn.JsonPath.string_at("$$.Execution.Id"),
                    "token": sfn.JsonPath.task_token,
                }
            ),
            task_timeout=sfn.Timeout.duration(Duration.hours(self._settings.approval_hours)),
            result_path="$.approval",
        )
        wait.add_catch(self._rejected, errors=["States.Timeout"], result_path="$.approval")
        wait.add_catch(self._failed, errors=["States.ALL"], result_path="$.error")
        return (
            self._states.notify(
                "NotifyAwaitingApproval", "A challenger awaits your approval", asks=True
            )
            .next(wait)
            .next(
                sfn.Choice(self._scope, "Approved?")
                .when(sfn.Condition.boolean_equals("$.approval.approved", True), self._accepted)
                .otherwise(self._rejected)
            )
        )

    def _longest_run(self) -> Duration:
        settings = self._settings
        trainings = settings.training_attempts * (
            self._job.longest_minutes + settings.capacity_wait_minutes
        )
        # An alarm may first wait for another retraining's probation.
        before = settings.probation_minutes + settings.cool_down_minutes
        waits = (
            before
            + settings.shadow_minutes
            + settings.approval_hours * 60
            + settings.probation_minutes
        )
        return Duration.minutes(trainings + waits + 60)
