"""What asks for a retraining: the workflow's input, and triggers that are known by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCHEDULE = "schedule"
"""That of retrainings that nobody asked for, which are declined in silence."""
_FORCE = "anyway"


def request_of(trigger: str, reason: str, *, force: bool = False) -> dict[str, Any]:
    """Build the input of the workflow; `force` waives the cool-down and the minimum of labels."""
    return {"trigger": trigger, "reason": reason, _FORCE: force}


def is_forced(request: Mapping[str, Any]) -> bool:
    return bool(request.get(_FORCE))
