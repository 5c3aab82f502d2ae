"""The state in which a retraining waits until its live posts are settled."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_app.constructs.platform.workflows import MONITORING, allow_executions, integration
from cdk_app.permissions import allow
from cdk_app.settings.stage import Stage

_RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
"""Rule that notifies Step Functions of the end of a nested execution.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
"""


class Settling:
    """Run the monitoring workflow for a span, without its measurements.

    Drift, live quality and alarms belong to the windows of the day's grid.
    """

    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        monitoring: sfn.StateMachine,
        failed: sfn.IChainable,
    ):
        self._scope = scope
        self._stage = stage
        self._monitoring = monitoring
        self._failed = failed

    def state(self, id: str, path: str) -> sfn.CustomState:
        """Return a state that settles both archives from the path's ``start`` to its ``end``."""
        # A custom state, as the construct's task grants itself unnecessary actions.
        state = sfn.CustomState(
            self._scope,
            id,
            state_json={
                "Type": "Task",
                "Resource": integration(self._scope, "states", "startExecution.sync:2"),
                "Parameters": {
                    "StateMachineArn": self._monitoring.state_machine_arn,
                    "Input": {
                        "start.$": f"{path}.start",
                        "end.$": f"{path}.end",
                        "settle_only": True,
                        # Step Functions links the two executions.
                        "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id",
                    },
                },
                # A second run settles unfinished parts.
                "Retry": [
                    {
                        "ErrorEquals": ["States.ALL"],
                        "IntervalSeconds": 5,
                        "BackoffRate": 2,
                        "MaxAttempts": 2,
                    }
                ],
                "ResultPath": sfn.JsonPath.DISCARD,
            },
        )
        state.add_catch(self._failed, errors=["States.ALL"], result_path="$.error")
        return state

    def grant_run(self, role: iam.Role) -> None:
        """Allow starting the workflow, following it and, if this one is stopped, stopping it."""
        allow(role, ["states:StartExecution"], [self._monitoring.state_machine_arn])
        allow_executions(
            role, self._stage, MONITORING, "states:DescribeExecution", "states:StopExecution"
        )
        allow(
            role,
            ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            [
                Stack.of(self._scope).format_arn(
                    service="events", resource="rule", resource_name=_RULE
                )
            ],
        )
