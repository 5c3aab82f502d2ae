"""Schedules of EventBridge Scheduler, each with its own role."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from cdk_app.constructs.platform.dead_letters import DeadLetters
from cdk_app.constructs.platform.functions import inline_policy
from cdk_app.permissions import allow, from_this_account


class Schedule(Construct):
    """An expression, UTC → a target → dead letters after failed retries.

    Parameters
    ----------
    description : str
    expression : str
        ``rate(…)`` or ``cron(…)``.
    action, target_arn : str
        Action of the schedule, and its resource: all that its role allows.
    input
        Input of the target, as JSON.
    retries : int
        Number of retries of a failed start, within an hour.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        description: str,
        expression: str,
        action: str,
        target_arn: str,
        input: Mapping[str, str],
        retries: int,
        dead_letters: DeadLetters,
    ):
        super().__init__(scope, id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com", conditions=from_this_account(Stack.of(self))
            ),
        )
        inline_policy(role)
        allow(role, [action], [target_arn])
        dead_letters.grant_send(role)
        schedule = scheduler.CfnSchedule(
            self,
            "Resource",
            description=description,
            schedule_expression=expression,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=target_arn,
                role_arn=role.role_arn,
                input=json.dumps(dict(input)),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=dead_letters.queue.queue_arn
                ),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=3600, maximum_retry_attempts=retries
                ),
            ),
        )
        # A schedule that starts before its role has permissions would lose its first run.
        schedule.node.add_dependency(role)
