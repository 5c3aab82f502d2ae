"""Play the month: the events of each day, and its report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from benchmarks.month.calendar import Day
from cli.deployment.client import DeploymentClient, payload, wait_for
from cli.deployment.consumer import Consumer
from cli.model_versions import Versions
from stresswatch.aws import stack_outputs
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.retraining.check_words import results_in_words
from stresswatch.retraining.triggers import DRIFT_ALARM, SCHEDULE, TRIGGER
from stresswatch.storage import archive

FIRST_DAY = datetime(2026, 3, 1, tzinfo=UTC)
_MORNING, _EVENING = time(9), time(21)
_SCHEDULED = (6, 16, 21, 25, 30)
"""Days with a retraining without an alarm."""
_SECONDS = 180
"""Timeout in seconds of this process's clock."""


@dataclass
class DayReport:
    """The report of a day.

    Attributes
    ----------
    labels, to_label : int
        Number of labels that arrived, and of the day's posts that get one later.
    share : float or None
        Share of features that drifted; None where the window was not measured.
    drifted : list of str
        The names of the drifted features.
    estimated_f1 : float or None
        F1 of the window, estimated without labels.
    f1, f1_low, f1_high : float or None
        F1 of the champion's last days, by the labels so far.
    retrainings : list of dict
        Trigger and result of each retraining.
    """

    day: int
    date: str
    phase: str
    posts: int
    labels: int
    to_label: int
    share: float | None = None
    drifted: list[str] = field(default_factory=list)
    alarm: bool = False
    labelled_posts: int = 0
    estimated_f1: float | None = None
    f1: float | None = None
    f1_low: float | None = None
    f1_high: float | None = None
    champion: str = ""
    retrainings: list[dict[str, Any]] = field(default_factory=list)
    rolled_back: str | None = None
    seconds_to_serve: float | None = None


@dataclass
class Month:
    """The deployed stack, with the clock of `set_clock`, and the history so far."""

    deployment: DeploymentClient
    set_clock: Callable[[datetime], None]
    on_day: Callable[[DayReport], None]
    reports: list[DayReport] = field(default_factory=list)
    sent: set[str] = field(default_factory=set)
    predicted: set[str] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)

    def begin(self, base: Sequence[LabelledPost]) -> None:
        """Train the first champion, on the day before the first."""
        self.set_clock(FIRST_DAY - timedelta(days=1) + timedelta(hours=9))
        self._drive_the_schedules()
        self.deployment.seed(base)
        execution = self.deployment.start_retraining("first_champion", "There is no champion yet")
        self.deployment.follow(execution, _SECONDS, lambda _: None)
        self._known.add(execution)

    def live(self, day: Day) -> None:
        """Play a day: posts in the morning, then labels, and monitoring in the evening."""
        date = FIRST_DAY + timedelta(days=day.number - 1)
        report = DayReport(
            day=day.number,
            date=f"{date:%Y-%m-%d}",
            phase=day.phase,
            posts=len(day.posts) + len(day.others),
            labels=len(day.labels),
            to_label=len(day.posts),
        )
        morning, evening = (datetime.combine(date, at, UTC) for at in (_MORNING, _EVENING))
        self.set_clock(morning)
        self._predict([*day.posts, *day.others])
        if day.labels:
            self.deployment.label(day.labels)
        if day.rolls_back:
            self._roll_back(day, report)
        self.set_clock(evening)
        self._watch(morning, evening, report)
        if day.poisons:
            self._retrain("operator", "Labels of a new annotator arrived", report, force=True)
        elif day.number in _SCHEDULED:
            self._retrain(SCHEDULE, "The day has come", report)
        champion = self.deployment.champion()
        report.champion = champion.version if champion else ""
        self.reports.append(report)
        self.on_day(report)

    def end(self) -> None:
        """Read the ids of all archived predictions, after the month."""
        rows = archive.read(
            self.deployment.target.client("s3"),
            self.deployment.target.output(stack_outputs.ARCHIVE_BUCKET),
            FIRST_DAY,
            datetime.now(UTC),
        )
        self.predicted = {row["prediction_id"] for row in rows}

    def summary(self) -> dict[str, Any]:
        """Return the report of every day."""
        return {
            "posts_sent": len(self.sent),
            "posts_predicted": len(self.sent & self.predicted),
            "days": [asdict(one) for one in self.reports],
        }

    def _drive_the_schedules(self) -> None:
        """Disable schedules, which would fire at each clock jump; start their targets here."""
        events = self.deployment.target.client("events")
        for rule in events.list_rules()["Rules"]:
            if "ScheduleExpression" in rule:
                events.disable_rule(Name=rule["Name"])

    def _predict(self, posts: Sequence[LabelledPost]) -> list[str]:
        """Send posts and wait for their predictions; return the versions that made them."""
        began = datetime.now(UTC)
        ids = self.deployment.send([payload(post) for post in posts])
        self.sent.update(ids)
        consumer = Consumer(self.deployment.target)

        def predicted() -> bool | None:
            consumer.poll()
            return True if consumer.predictions.keys() >= set(ids) else None

        wait_for("the predictions of a day", predicted, _SECONDS)
        # Its calls would be rejected as expired if the clock jumped before it ends.
        wait_for("the predictor's end", lambda: self._has_ended(began), _SECONDS)
        return [consumer.predictions[one]["model_version"] for one in ids]

    def _has_ended(self, since: datetime) -> bool | None:
        """Check for an invocation of the predictor, which counts at its end."""
        function = self.deployment.target.output(stack_outputs.PREDICTOR_FUNCTION)
        answer = self.deployment.target.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Invocations",
            Dimensions=[{"Name": "FunctionName", "Value": function}],
            StartTime=since - timedelta(seconds=1),
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        return True if answer["Datapoints"] else None

    def _watch(self, morning: datetime, evening: datetime, report: DayReport) -> None:
        """Measure drift and live quality, and follow the retrainings that they start."""
        was_alarming = self.deployment.is_alarming()
        drift, quality, _ = self.deployment.measure(morning, evening)
        report.share = drift.get("share")
        report.estimated_f1 = drift.get("estimated_f1")
        report.drifted = [
            name for name, feature in drift.get("features", {}).items() if feature["drifted"]
        ]
        threshold = self.deployment.drift_alarm()["Threshold"]
        fires = report.share is not None and report.share >= threshold
        wait_for(
            "the drift alarm to say the same",
            lambda: True if self.deployment.is_alarming() == fires else None,
            _SECONDS,
        )
        if fires and not was_alarming:
            wait_for("the alarm to retrain", lambda: self._follow_new(report), _SECONDS)
        report.labelled_posts = quality.get("labelled_posts", 0)
        if overall := quality.get("overall"):
            report.f1 = overall["f1"]
            report.f1_low, report.f1_high = overall["intervals"]["f1"]
        report.alarm = self.deployment.is_alarming()
        self._follow_new(report)

    def _retrain(
        self, trigger: str, reason: str, report: DayReport, *, force: bool = False
    ) -> None:
        self._follow(self.deployment.start_retraining(trigger, reason, force=force), report)

    def _follow_new(self, report: DayReport) -> bool | None:
        """Follow retrainings by alarms; return whether the drift alarm started one."""
        for execution in self.deployment.executions():
            if execution["executionArn"] not in self._known:
                self._follow(str(execution["executionArn"]), report)
        return any(run["trigger"] == DRIFT_ALARM for run in report.retrainings) or None

    def _follow(self, execution: str, report: DayReport) -> None:
        self._known.add(execution)
        output = self.deployment.follow(execution, _SECONDS, lambda _: None)
        report.retrainings.append({"trigger": output[TRIGGER], **_outcome(output)})

    def _roll_back(self, day: Day, report: DayReport) -> None:
        """Roll back to the previous version, and measure the time until it answers."""
        left = self.deployment.champion()
        began = datetime.now(UTC)
        pointer = Versions(self.deployment).rollback(None, "Annotators doubt the newest version")

        def answers() -> bool | None:
            (post, *_) = day.posts
            return True if self._predict([post]) == [pointer.version] else None

        wait_for("the previous version to answer", answers, _SECONDS)
        report.seconds_to_serve = (datetime.now(UTC) - began).total_seconds()
        report.rolled_back = left.version if left else None


def _outcome(output: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a retraining and its reason, in a few words."""
    admission, dataset = output["admission"], output.get("dataset", {})
    if not admission["admitted"]:
        return {"outcome": "suppressed", "why": admission["reason"]}
    if dataset.get("declined"):
        return {"outcome": "declined", "why": dataset["declined"]}
    gate = output["gate"]
    failed = [check["name"] for check in gate["checks"] if not check["passed"]]
    promoted = "promotion" in output
    return {
        "outcome": "promoted" if promoted else "rejected",
        "version": gate["version"],
        "parent": gate["parent"],
        "why": json.dumps(failed) if failed else results_in_words(gate["checks"]),
    }
