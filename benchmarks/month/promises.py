"""Checks of the month's reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from benchmarks.month.calendar import (
    LABELS_COME_AFTER,
    MINIMUM_LABELLED,
    OUTAGE,
    QUALITY_DAYS,
    Phase,
)
from benchmarks.month.scenario import DayReport, Month
from stresswatch.retraining.triggers import DRIFT_ALARM, SCHEDULE


class Promise(NamedTuple):
    """A check, its result, and the evidence."""

    promise: str
    kept: bool
    because: str


def promises(month: Month) -> list[Promise]:
    """Check a finished month."""
    reports = month.reports
    return [
        _nothing_lost(month),
        _alarm(
            "posts like the base data set off no alarm", _of(reports, Phase.QUIET), stands=False
        ),
        _alarm("gradual drift is noticed while it grows", _of(reports, Phase.GRADUAL), stands=True),
        _each_alarm_retrains(reports),
        _what_learned_is_promoted(reports),
        _alarm(
            "posts like those that the new champion learned set off none",
            _of(reports, Phase.BACK),
            stands=False,
        ),
        _alarm(
            "an abrupt shift is noticed on its day", _of(reports, Phase.ABRUPT)[:1], stands=True
        ),
        _nothing_is_claimed_without_labels(reports),
        _nothing_is_learned_without_labels(reports),
        _late_labels_count_once(reports),
        _poison_is_rejected(reports),
        _rollback_holds(reports),
        _every_champion_was_accepted(reports),
    ]


def _nothing_lost(month: Month) -> Promise:
    lost = len(month.sent - month.predicted)
    because = f"{len(month.sent):,} posts sent, {lost} of them not in the archive"
    return Promise("no post is lost", lost == 0, because)


def _alarm(promise: str, days: Sequence[DayReport], *, stands: bool) -> Promise:
    alarms = [one.day for one in days if one.alarm]
    because = f"{_days(days)}, the alarm stood on {alarms or 'none'}"
    return Promise(promise, bool(alarms) == stands, because)


def _each_alarm_retrains(reports: Sequence[DayReport]) -> Promise:
    begins = [
        one.day
        for before, one in zip([None, *reports], reports, strict=False)
        if one.alarm and not (before and before.alarm)
    ]
    found = _runs(reports, DRIFT_ALARM)
    because = f"alarms began on {begins}; {_outcomes(found)}"
    kept = bool(begins) and [one.day for one, _ in found] == begins
    return Promise("each alarm asks for one retraining when it begins", kept, because)


def _what_learned_is_promoted(reports: Sequence[DayReport]) -> Promise:
    found = _runs(_of(reports, Phase.AFTER), SCHEDULE)
    kept = [run["outcome"] for _, run in found] == ["promoted"]
    return Promise("what learned enough of the new posts is promoted", kept, _outcomes(found))


def _nothing_is_claimed_without_labels(reports: Sequence[DayReport]) -> Promise:
    few = [one for one in reports if one.labelled_posts < MINIMUM_LABELLED]
    claims = [one.day for one in few if one.f1 is not None]
    kept = not claims and any(one.day in OUTAGE for one in few)
    because = f"{_days(few)} had fewer than {MINIMUM_LABELLED} labelled posts, a value {claims}"
    return Promise("without enough labels, live quality has no value", kept, because)


def _nothing_is_learned_without_labels(reports: Sequence[DayReport]) -> Promise:
    found = [(one, run) for one in reports if one.day in OUTAGE for run in one.retrainings]
    kept = bool(found) and all(run["outcome"] in ("declined", "suppressed") for _, run in found)
    return Promise("no model is trained while labels are missing", kept, _outcomes(found))


def _late_labels_count_once(reports: Sequence[DayReport]) -> Promise:
    (day,) = [one for one in reports if one.day == OUTAGE.stop]
    last = day.day - LABELS_COME_AFTER
    labelled = range(day.day - QUALITY_DAYS + 1, last + 1)
    expected = sum(one.to_label for one in reports if one.day in labelled)
    because = f"{day.labels} labels arrived, {day.labelled_posts} posts of the window count"
    kept = day.labelled_posts == expected and day.f1 is not None
    return Promise("late and repeated labels count once each", kept, because)


def _poison_is_rejected(reports: Sequence[DayReport]) -> Promise:
    found = _runs(reports, "operator")
    kept = [run["outcome"] for _, run in found] == ["rejected"]
    promise = "a challenger from flipped labels is rejected"
    return Promise(promise, kept, _outcomes(found))


def _rollback_holds(reports: Sequence[DayReport]) -> Promise:
    (day,) = [one for one in reports if one.rolled_back]
    after = [one.champion for one in reports if one.day >= day.day]
    serves = day.seconds_to_serve or 0.0
    because = f"the previous version answered after {serves:.1f} s"
    kept = day.rolled_back not in after and serves <= 60
    return Promise("a rollback takes less than a minute, and lasts", kept, because)


def _every_champion_was_accepted(reports: Sequence[DayReport]) -> Promise:
    promoted = {run["version"] for one in reports for run in one.retrainings if _is_promotion(run)}
    served = list(dict.fromkeys(one.champion for one in reports))
    unexplained = [version for version in served[1:] if version not in promoted]
    because = f"{len(promoted)} promotions, {len(served)} versions served"
    return Promise("each new champion was accepted by the gate", not unexplained, because)


def _is_promotion(run: dict[str, Any]) -> bool:
    return bool(run["outcome"] == "promoted")


def _days(reports: Sequence[DayReport]) -> str:
    return f"days {', '.join(str(one.day) for one in reports) or 'none'}"


def _of(reports: Iterable[DayReport], phase: Phase) -> list[DayReport]:
    return [one for one in reports if one.phase == phase]


def _runs(reports: Iterable[DayReport], trigger: str) -> list[tuple[DayReport, dict[str, Any]]]:
    return [(one, run) for one in reports for run in one.retrainings if run["trigger"] == trigger]


def _outcomes(runs: Iterable[tuple[DayReport, dict[str, Any]]]) -> str:
    outcomes = [f"day {one.day}: {run['outcome']}, {run['why']}" for one, run in runs]
    return "; ".join(outcomes) or "no retraining"
