"""What every alarm has: a runbook that its description names, and people who are told."""

from __future__ import annotations

from datetime import timedelta

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from cdk_app.constructs.platform.notifications import Notifications
from cdk_app.settings.stage import Stage

_PERIODS = 6
"""What a silence is cut into: CloudWatch looks some periods further back for data."""


class Alarms:
    """Makes alarms that tell the notifications' topic."""

    def __init__(self, stage: Stage, notifications: Notifications):
        self._runbooks = stage.monitoring.runbooks
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
        datapoints: int | None = None,
        name: str | None = None,
    ) -> cloudwatch.Alarm:
        """Make an alarm whose description ends with the address of ``<runbook>.md``.

        It fires while `datapoints` of the last `periods`, or all of them, are beyond the threshold.
        CloudFormation names it, unless it needs a `name` with which it is replaced.
        """
        made = metric.create_alarm(
            scope,
            id,
            alarm_name=name,
            alarm_description=self._description(meaning, runbook),
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=periods,
            datapoints_to_alarm=datapoints,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        made.add_alarm_action(self._action)
        if not name:
            self.made.append((metric.metric_name, made))
        return made

    def make_for_silence(
        self,
        scope: Construct,
        id: str,
        metric: cloudwatch.Metric,
        *,
        silence: timedelta,
        meaning: str,
        runbook: str,
    ) -> cloudwatch.Alarm:
        """Make an alarm that tells people when a metric that had data has none any more.

        A new alarm has insufficient data, and only a change of state has actions. So it waits for
        the first datapoint, however long that takes, and tells of the end of them. The metric's
        statistic is at least 1 wherever there is data. `docs/decisions/0024` says more.
        """
        minutes, periods = silence_periods(silence)
        made = metric.with_(period=Duration.minutes(minutes)).create_alarm(
            scope,
            id,
            alarm_description=self._description(meaning, runbook),
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=periods,
            treat_missing_data=cloudwatch.TreatMissingData.MISSING,
        )
        made.add_alarm_action(self._action)
        made.add_insufficient_data_action(self._action)
        self.made.append((metric.metric_name, made))
        return made

    def _description(self, meaning: str, runbook: str) -> str:
        return f"{meaning} Runbook: {self._runbooks}/{runbook}.md"


def silence_periods(silence: timedelta) -> tuple[int, int]:
    """Return the minutes of a period, and how many of them last as long as a silence, or longer."""
    minutes = int(silence.total_seconds()) // 60
    period = -(-minutes // _PERIODS)
    return period, -(-minutes // period)
