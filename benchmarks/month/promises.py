"""What the month must show, held against what was seen of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from benchmarks.month.calendar import Phase
from benchmarks.month.story import Month, Seen


class Promise(NamedTuple):
    """A promise, whether it was kept, and what says so."""

    promise: str
    kept: bool
    because: str


def promises(month: Month) -> list[Promise]:
    """Judge a month that is over."""
    seen = month.seen
    return [
        _nothing_lost(month),
        _quiet_days_are_quiet(seen),
        _drift_is_noticed(seen, Phase.GRADUAL, within=(Phase.GRADUAL, Phase.AFTER)),
        _drift_is_noticed(seen, Phase.ABRUPT, within=(Phase.ABRUPT,)),
        _an_alarm_retrains(seen),
        _nothing_is_claimed_without_labels(seen),
        _nothing_is_learned_without_labels(seen),
        _poison_is_rejected(seen),
        _rollback_holds(seen),
        _every_champion_was_accepted(seen),
    ]


def _nothing_lost(month: Month) -> Promise:
    lost = len(month.sent - month.predicted)
    because = f"{len(month.sent):,} posts sent, {lost} without a prediction"
    return Promise("no post is lost", lost == 0, because)


def _quiet_days_are_quiet(seen: Sequence[Seen]) -> Promise:
    quiet = _of(seen, Phase.QUIET)
    alarms = [one.day for one in quiet if one.alarm]
    because = f"{len(quiet)} quiet days, alarms on {alarms or 'none'}"
    return Promise("posts like the base data set off no alarm", not alarms, because)


def _drift_is_noticed(seen: Sequence[Seen], phase: Phase, within: tuple[Phase, ...]) -> Promise:
    began = _of(seen, phase)[0].day
    noticed = [one.day for one in seen if one.phase in within and one.alarm]
    because = f"it began on day {began}, the alarm fired on {noticed or 'none'}"
    return Promise(f"drift is noticed: {phase}", bool(noticed), because)


def _an_alarm_retrains(seen: Sequence[Seen]) -> Promise:
    found = [f"day {one.day}: {run['outcome']}" for one, run in _runs(seen, "drift_alarm")]
    return Promise("an alarm that begins asks for a retraining", bool(found), _listed(found))


def _nothing_is_claimed_without_labels(seen: Sequence[Seen]) -> Promise:
    without = [one for one in seen if one.labels == 0]
    fewest = min(without, key=lambda one: one.labelled_posts)
    figures = [one for one in without if one.f1 is not None and one.labelled_posts < 50]
    because = f"on day {fewest.day} {fewest.labelled_posts} posts of the window were labelled"
    kept = not figures and fewest.f1 is None
    return Promise("without enough labels there is no figure of quality", kept, because)


def _nothing_is_learned_without_labels(seen: Sequence[Seen]) -> Promise:
    outage = [one for one in seen if 18 <= one.day <= 22]
    runs = [run for one in outage for run in one.retrainings]
    kept = bool(runs) and all(run["outcome"] in ("declined", "suppressed") for run in runs)
    because = _listed(f"{run['outcome']}: {run['why']}" for run in runs)
    return Promise("nothing is trained while no label comes", kept, because)


def _poison_is_rejected(seen: Sequence[Seen]) -> Promise:
    (run,) = [run for _, run in _runs(seen, "operator")]
    return Promise(
        "what learned from labels that were turned round is rejected",
        run["outcome"] == "rejected",
        f"{run['outcome']}: {run['why']}",
    )


def _rollback_holds(seen: Sequence[Seen]) -> Promise:
    (day,) = [one for one in seen if one.rolled_back]
    after = [one.champion for one in seen if one.day >= day.day]
    serves = day.seconds_to_serve or 0.0
    because = f"the version before answered after {serves:.1f} s"
    kept = day.rolled_back not in after and serves <= 60
    return Promise("who goes back is back within a minute, and stays there", kept, because)


def _every_champion_was_accepted(seen: Sequence[Seen]) -> Promise:
    promoted = {run["version"] for one in seen for run in one.retrainings if _is_promotion(run)}
    served = list(dict.fromkeys(one.champion for one in seen))
    unexplained = [version for version in served[1:] if version not in promoted]
    because = f"{len(promoted)} promotions, {len(served)} versions served"
    return Promise("each new champion was accepted by the gate", not unexplained, because)


def _is_promotion(run: dict[str, Any]) -> bool:
    return bool(run["outcome"] == "promoted")


def _of(seen: Iterable[Seen], phase: Phase) -> list[Seen]:
    return [one for one in seen if one.phase == phase]


def _runs(seen: Iterable[Seen], trigger: str) -> list[tuple[Seen, dict[str, Any]]]:
    return [(one, run) for one in seen for run in one.retrainings if run["trigger"] == trigger]


def _listed(words: Iterable[str]) -> str:
    return "; ".join(words) or "none"
