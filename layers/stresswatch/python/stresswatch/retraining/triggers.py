"""Requests for a retraining: the workflow's input, and the names of known triggers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DRIFT_ALARM = "drift_alarm"
QUALITY_ALARM = "quality_alarm"
SCHEDULE = "schedule"
"""Trigger of scheduled retrainings, which are declined without a notification."""
TRIGGER = "trigger"
REASON = "reason"
_FORCE = "force"


def request_of(trigger: str, reason: str, *, force: bool = False) -> dict[str, Any]:
    """Build the workflow's input; `force` waives the cool-down and the minimum of new labels."""
    return {TRIGGER: trigger, REASON: reason} | ({_FORCE: True} if force else {})


def is_forced(request: Mapping[str, Any]) -> bool:
    return bool(request.get(_FORCE))


def is_by_alarm(request: Mapping[str, Any]) -> bool:
    """Return whether an alarm sent the request, which it does once, when it starts to fire."""
    return request.get(TRIGGER) in (DRIFT_ALARM, QUALITY_ALARM)
