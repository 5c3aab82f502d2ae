"""The retraining workflow: admission, data set, training, gate, shadow, approval, promotion."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.querying.athena import Querying
from cdk_app.constructs.retraining.functions import make_functions
from cdk_app.constructs.retraining.model_registry import ModelRegistry
from cdk_app.constructs.retraining.state_machine import RetrainingStateMachine
from cdk_app.constructs.retraining.training_job import TrainingJob
from cdk_app.constructs.retraining.triggers import Triggers


class Retraining(Construct):
    """Alarm or schedule → state machine → champion or notification.

    Parameters
    ----------
    alarms : mapping of str to cloudwatch.Alarm
        The alarms that start a retraining, by the trigger's name in its input.
    registry : ModelRegistry or None
        The registry of judged versions, if the stage has one.
    monitoring : sfn.StateMachine
        Settles the live posts for the comparison of two versions.
    querying : Querying
        Queries these posts.

    Attributes
    ----------
    functions : dict of str to lambda_.Function
        The functions of the workflow's states, by name.
    state_machine : sfn.StateMachine
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        foundation: Foundation,
        alarms: Mapping[str, cloudwatch.Alarm],
        registry: ModelRegistry | None,
        monitoring: sfn.StateMachine,
        querying: Querying,
    ):
        super().__init__(scope, id)
        job = TrainingJob(self, foundation)
        self.functions = make_functions(self, foundation, querying)
        if registry:
            self.functions["registry"] = registry.function
        self.state_machine = RetrainingStateMachine(
            self, foundation, self.functions, job, monitoring
        ).make()
        triggers = Triggers(self, foundation, self.state_machine)
        for trigger, alarm in alarms.items():
            triggers.start_on_alarm(alarm, trigger)
        triggers.start_on_schedule()
