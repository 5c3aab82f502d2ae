"""Triggers of a retraining: alarms and schedules."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import inline_policy
from cdk_app.constructs.platform.schedules import Schedule
from stresswatch.retraining.triggers import SCHEDULE, request_of


class Triggers:
    """Rules and schedules that start the workflow, in its construct."""

    def __init__(self, scope: Construct, foundation: Foundation, state_machine: sfn.StateMachine):
        self._scope = scope
        self._foundation = foundation
        self._state_machine = state_machine

    def start_on_alarm(self, alarm: cloudwatch.Alarm, trigger: str) -> None:
        """Start a retraining when an alarm begins to fire."""
        events.Rule(
            self._scope,
            f"On{trigger.title().replace('_', '')}",
            description=f"Starts a retraining when the {trigger.replace('_', ' ')} begins to fire",
            event_pattern=events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                resources=[alarm.alarm_arn],
                detail={"state": {"value": ["ALARM"]}},
            ),
            targets=[self._started(trigger, events.EventField.from_path("$.detail.state.reason"))],
        )

    def start_on_schedule(self) -> None:
        """Start a retraining on the stage's schedule, if it has one."""
        schedule = self._foundation.stage.retraining.schedule
        if not schedule:
            return
        Schedule(
            self._scope,
            "OnSchedule",
            description="Starts a retraining, which is declined unless enough labels are new",
            expression=schedule,
            action="states:StartExecution",
            target_arn=self._state_machine.state_machine_arn,
            input=request_of(SCHEDULE, schedule),
            retries=3,
            dead_letters=self._foundation.dead_letters,
        )

    def _started(self, trigger: str, reason: str) -> targets.SfnStateMachine:
        target = targets.SfnStateMachine(
            self._state_machine,
            input=events.RuleTargetInput.from_object(request_of(trigger, reason)),
            dead_letter_queue=self._foundation.dead_letters.of_rules,
            retry_attempts=3,
        )
        inline_policy(self._state_machine.node.find_child("EventsRole"))
        return target
