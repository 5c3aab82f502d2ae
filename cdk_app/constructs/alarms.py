"""What every alarm has: a runbook that its description names, and people who are told."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from cdk_app.constructs.notifications import Notifications
from cdk_app.stages import Stage


class Alarms:
    """Makes alarms that tell the notifications' topic."""

    def __init__(self, stage: Stage, notifications: Notifications):
        self._runbooks = stage.runbooks
        self._action = actions.SnsAction(notifications.topic)
        self.made: list[tuple[str, cloudwatch.Alarm]] = []
        """Each with its metric's name, for the dashboard; not those of one deployment alone."""

    def make(
        self,
        scope: Construct,
        id: str,
        metric: cloudwatch.Metric,
        *,
        meaning: str,
        runbook: str,
        threshold: float,
        comparison: cloudwatch.ComparisonOperator = (
            cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        ),
        periods: int = 1,
        is_silence_breaching: bool = False,
        name: str | None = None,
    ) -> cloudwatch.Alarm:
        """Make an alarm whose description ends with the address of ``<runbook>.md``.

        CloudFormation names it, unless it needs a `name` with which it is replaced.
        """
        missing = cloudwatch.TreatMissingData
        made = metric.create_alarm(
            scope,
            id,
            alarm_name=name,
            alarm_description=f"{meaning} Runbook: {self._runbooks}/{runbook}.md",
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=periods,
            treat_missing_data=missing.BREACHING if is_silence_breaching else missing.NOT_BREACHING,
        )
        made.add_alarm_action(self._action)
        if not name:
            self.made.append((metric.metric_name, made))
        return made
