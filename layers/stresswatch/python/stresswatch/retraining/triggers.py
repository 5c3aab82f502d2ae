"""What asks for a retraining: the workflow's input, and triggers that are known by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DRIFT_ALARM = "drift_alarm"
QUALITY_ALARM = "quality_alarm"
SCHEDULE = "schedule"
"""That of retrainings that nobody asked for, which are declined in silence."""
TRIGGER = "trigger"
REASON = "reason"
_FORCE = "force"


def request_of(trigger: str, reason: str, *, force: bool = False) -> dict[str, Any]:
    """Build the input of the workflow; `force` waives the cool-down and the minimum of labels."""
    return {TRIGGER: trigger, REASON: reason} | ({_FORCE: True} if force else {})


def is_forced(request: Mapping[str, Any]) -> bool:
    return bool(request.get(_FORCE))


def is_by_alarm(request: Mapping[str, Any]) -> bool:
    """Whether an alarm asks, which does not ask again for as long as it fires."""
    return request.get(TRIGGER) in (DRIFT_ALARM, QUALITY_ALARM)
