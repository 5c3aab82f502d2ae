"""The base of all alarms: a runbook in the description, and notifications."""

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
    """Make alarms that notify the topic."""

    def __init__(self, stage: Stage, notifications: Notifications):
        self._runbooks = stage.monitoring.runbooks
        self._action = actions.SnsAction(notifications.topic)
        self.made: list[tuple[str, cloudwatch.Alarm]] = []
        """Alarms by metric name for the dashboard, without those of one deployment."""

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
        """Make an alarm with the address of ``<runbook>.md`` at the end of its description.

        It fires while `datapoints` (by default, all) of the last `periods` are beyond the
        threshold. CloudFormation names it, unless it needs a `name` for its replacement.
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
        """Make an alarm that notifies people when a metric's data stops.

        A new alarm has insufficient data, and only a change of state has actions. So it waits for
        the first datapoint for any time, and notifies people when datapoints stop. The metric's
        statistic is at least 1 wherever there is data. See `docs/decisions/0024`.
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
    """Return the minutes of a period, and the number of periods that cover a silence."""
    minutes = int(silence.total_seconds()) // 60
    period = -(-minutes // _PERIODS)
    return period, -(-minutes // period)
