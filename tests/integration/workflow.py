"""The monitoring workflow's functions, one after the other as it runs them."""

from __future__ import annotations

from typing import Any

from lambdas.drift import handler as drift
from lambdas.plan import handler as plan
from lambdas.settle import handler as settle
from tests.integration.conftest import CONTEXT


def settle_planned(event: dict[str, Any]) -> dict[str, Any]:
    """Plan for an event, and settle the plan's parts; return the plan."""
    planned = plan.handler(event, CONTEXT)
    for job in planned["jobs"]:
        settle.handler(job, CONTEXT)
    return planned


def measure(event: dict[str, Any]) -> dict[str, Any]:
    """Settle the parts planned for an event, and measure the one window that it names."""
    (window,) = settle_planned(event)["windows"]
    return drift.handler(window, CONTEXT)
