"""`stresswatch measure`: settle and measure a span's predictions now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from rich.table import Table

from cli.console import literal
from cli.deployment.client import Measurement
from cli.errors import OperatorError
from cli.status.table import timestamp
from cli.timestamps import parse_timestamp, utc_now
from stresswatch.rates.cells import RateMethod
from stresswatch.rates.page import percent
from stresswatch.task.definition import TASK
from stresswatch.text.wording import counted

DEFAULT_SPAN = timedelta(hours=1)
MAXIMUM_DAYS = 31
LEFT_OUT = {
    "unseen": "without a prediction since {start}",
    "other_text": "for a text that awaits its prediction, or was edited",
    "ambiguous": "for an id with several texts",
    "other_version": "for predictions of other versions",
    "trained_on": "for training posts of the champion",
    "uncertain": "for posts drawn because the model was uncertain",
    "invalid": "invalid",
}
"""Reasons why a label does not count for live quality, by their names in its result."""


def span_of(
    start: str | None, end: str | None, now: Callable[[], datetime] = utc_now
) -> tuple[datetime, datetime]:
    """Read the span of ``--from`` and ``--to``: by default, the hour up to now.

    Raises
    ------
    OperatorError
        When it is invalid, is too long, or starts in the future.
    """
    at = now()
    until = parse_timestamp(end, "--to") if end else at
    since = parse_timestamp(start, "--from") if start else until - DEFAULT_SPAN
    if since >= until:
        raise OperatorError("--from must be before --to.")
    if since >= at:
        raise OperatorError("--from is in the future: there are no predictions yet.")
    if until - since > timedelta(days=MAXIMUM_DAYS):
        raise OperatorError(
            f"From {since:%Y-%m-%d} to {until:%Y-%m-%d} are {(until - since).days} days; measure "
            f"{MAXIMUM_DAYS} days or fewer at a time."
        )
    return since, until


def measurement_table(measured: Measurement) -> Table:
    """Return the metrics as a table, with reasons for missing values."""
    drift, quality, rate = measured
    start, end = (datetime.fromisoformat(drift[name]) for name in ("start", "end"))
    span = f"{timestamp(start)} to {timestamp(end)}"
    table = Table(title=span, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, figure in (_drift(drift) | _quality(quality) | _rate(rate)).items():
        table.add_row(name, figure)
    return table


def _drift(drift: Mapping[str, Any]) -> dict[str, str]:
    if drift["status"] == "no_champion":
        return {"posts": "not counted: no model version serves yet"}
    posts = f"{counted(drift['posts'], 'post')} by {literal(drift['model_version'])}"
    if drift["status"] == "too_small":
        return {"posts": posts, "drift": "not measured: fewer posts than the minimum of a window"}
    compared = counted(drift["compared"], "post")
    shown = {"posts": posts}
    if drift["share"] is None:
        shown["drift"] = f"not measured: none of the features of {compared} could be compared"
    else:
        drifted = [name for name, feature in drift["features"].items() if feature["drifted"]]
        shown["drift"] = f"{drift['share']:.0%} of the features, by {compared}"
        shown["drifted features"] = literal(", ".join(drifted)) or "none"
    if drift["failed"]:
        shown["not compared"] = literal(", ".join(drift["failed"]))
    shown["estimated F1"] = f"{drift['estimated_f1']:.3f}, estimated without labels, so only a hint"
    return shown | {"report": literal(drift["report"])}


def _quality(quality: Mapping[str, Any]) -> dict[str, str]:
    if quality["status"] == "no_champion":
        return {}
    labelled = counted(quality["labelled_posts"], "labelled post")
    start = datetime.fromisoformat(quality["start"]).date()
    left_out = [
        f"{quality[name]:,} {why.format(start=start)}"
        for name, why in LEFT_OUT.items()
        if quality[name]
    ]
    shown = {"labels left out": "; ".join(left_out)} if left_out else {}
    if quality["status"] == "too_few_labels":
        return {"live F1": f"not measured: {labelled}, fewer than the minimum"} | shown
    overall = quality["overall"]
    low, high = overall["intervals"]["f1"]
    found = f"{overall['f1']:.3f}, 95 % interval {low:.3f} to {high:.3f}, by {labelled}"
    return {"live F1": found} | shown


def _rate(rate: Mapping[str, Any]) -> dict[str, str]:
    """Describe the rate of the last seven full days, and of the last, possibly incomplete day."""
    days, day = rate["last_seven_days"], rate["last_day"]
    shown = {f"{TASK.label.rate}, seven days": _estimate(days)} if days else {}
    if day:
        shown[f"{TASK.label.rate}, {day['start']}"] = _estimate(day)
    return shown or {TASK.label.rate: "not estimated: no posts in the last seven days"}


def _estimate(rate: Mapping[str, Any]) -> str:
    if rate["method"] == RateMethod.SUPPRESSED:
        return "suppressed: a few posts or days could be derived from it"
    called = f"called {percent(rate['called_rate'])}"
    if rate["corrected_rate"] is None:
        return f"not corrected, too few labels of sampled posts; {called}"
    low, high = (percent(rate[bound]) for bound in ("low", "high"))
    return f"{percent(rate['corrected_rate'])}, 95 % interval {low} to {high}; {called}"
