"""The month as a table and as a chart."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.month.promises import Promise
from benchmarks.month.scenario import DayReport

_PHASE_COLOURS = ("#ffffff", "#eef3fa", "#dbe6f4", "#f3f3f3", "#f6ecd9", "#f3f3f3")
_ALARM, _BLUE, _GREY = "#b3261e", "#4a6fa5", "#6b7280"
_LETTERS_A_DAY = 4
"""Characters of a phase's name that fit above one of its days."""
_SMALL = 9
"""Size of the smallest letters in points, readable in a column of text."""
_INTERVAL = ("f1_low", "f1", "f1_high")
_OUTCOMES = {
    "promoted": ("o", "#1b7f5c"),
    "rejected": ("X", _ALARM),
    "declined": ("s", _GREY),
    "suppressed": ("s", "#c4c8cf"),
}


def days_table(reports: Iterable[DayReport]) -> Table:
    """Return a table with one row per day."""
    table = Table(title="The month, day by day", title_justify="left")
    for name in ("day", "posts", "drifted", "alarm", "live F1", "what happened"):
        table.add_column(name, overflow="fold")
    for one in reports:
        table.add_row(
            str(one.day),
            one.phase,
            "" if one.share is None else f"{one.share:.2f}",
            "[red]ALARM[/]" if one.alarm else "",
            "" if one.f1 is None else f"{one.f1:.2f} ({one.f1_low:.2f} to {one.f1_high:.2f})",
            "; ".join(_happened(one)),
        )
    return table


def promises_table(found: Iterable[Promise]) -> Table:
    """Return a table of the checks and their results."""
    table = Table(title="Checks", title_justify="left")
    for name in ("promise", "kept", "because"):
        table.add_column(name, overflow="fold")
    for promise in found:
        kept = "[green]yes[/]" if promise.kept else "[red]no[/]"
        table.add_row(promise.promise, kept, promise.because)
    return table


def day_words(one: DayReport) -> str:
    """Return a day as a line of text."""
    drift = (
        "drift not measured" if one.share is None else f"{one.share:.2f} of the features drifted"
    )
    quality = "no live F1" if one.f1 is None else f"live F1 {one.f1:.2f}"
    return "; ".join([drift, *(["alarm"] if one.alarm else []), quality, *_happened(one)])


def _happened(one: DayReport) -> list[str]:
    said = [f"{run['trigger']}: {run['outcome']}" for run in one.retrainings]
    if one.labels == 0:
        said.append("no labels arrived")
    if one.rolled_back:
        said.append(f"rolled back, served after {one.seconds_to_serve:.0f} s")
    return said


def draw(reports: Sequence[DayReport], threshold: float, path: Path) -> None:
    """Draw drift, live quality, retrainings and labels over the days, as an SVG or PNG."""
    from matplotlib import pyplot as plt

    from benchmarks import pictures

    figure, panels = plt.subplots(
        3, 1, figsize=(9, 7.6), sharex=True, layout="constrained", height_ratios=(1, 1.1, 0.45)
    )
    drift, quality, labels = panels
    days = [one.day for one in reports]
    _shade(reports, panels)
    colours = [_ALARM if one.alarm else _BLUE for one in reports]
    drift.bar(days, [_or_gap(one.share) for one in reports], color=colours, width=0.75)
    drift.axhline(threshold, color=_ALARM, linewidth=1, linestyle="--")
    drift.text(0.6, threshold, "alarm from here on", color=_ALARM, va="bottom", fontsize=_SMALL)
    drift.set_ylabel("share of\ndrifted features")
    drift.set_ylim(0, 1)

    low, f1, high = ([_or_gap(getattr(one, name)) for one in reports] for name in _INTERVAL)
    quality.fill_between(days, low, high, color=_BLUE, alpha=0.2, lw=0, label="95 % interval")
    quality.plot(days, f1, "o-", color=_BLUE, ms=3, label="by the labels of its last days")
    estimated = [_or_gap(one.estimated_f1) for one in reports]
    quality.plot(days, estimated, ":", color=_GREY, label="estimated without labels")
    quality.set_ylabel("F1 of the champion")
    quality.set_ylim(0.3, 1)
    _mark(reports, quality)
    quality.legend(fontsize=_SMALL, ncols=4, loc="lower left", frameon=False)

    labels.bar(days, [one.labels for one in reports], color="#8a94a3", width=0.75)
    labels.set_ylabel("labels\narrived")
    labels.set_xlabel("day of the month")
    labels.set_xticks(days)
    labels.set_xlim(days[0] - 0.5, days[-1] + 0.5)
    labels.tick_params(axis="x", labelsize=_SMALL)
    pictures.save(figure, path)
    plt.close(figure)


def _or_gap(figure: float | None) -> float:
    return float("nan") if figure is None else figure


def _shade(reports: Sequence[DayReport], panels: Sequence[Any]) -> None:
    phases = list(dict.fromkeys(one.phase for one in reports))
    for phase, colour in zip(phases, _PHASE_COLOURS, strict=True):
        days = [one.day for one in reports if one.phase == phase]
        for panel in panels:
            panel.axvspan(days[0] - 0.5, days[-1] + 0.5, color=colour, zorder=0)
        words = textwrap.fill(phase, _LETTERS_A_DAY * len(days))
        panels[0].text(days[0] - 0.4, 1.02, words, fontsize=_SMALL, va="bottom")


def _mark(reports: Sequence[DayReport], panel: Any) -> None:
    for outcome, (marker, colour) in _OUTCOMES.items():
        days = [one.day for one in reports for run in one.retrainings if run["outcome"] == outcome]
        if days:
            panel.scatter(days, [0.5] * len(days), marker=marker, color=colour, label=outcome, s=36)
    for one in reports:
        if one.rolled_back:
            panel.axvline(one.day, color="#1b1f24", linewidth=1, linestyle=":")
            panel.text(one.day, 0.97, " rollback", fontsize=_SMALL, va="top")
