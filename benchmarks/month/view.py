"""The month as a table, and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.month.promises import Promise
from benchmarks.month.story import Seen

_PHASE_COLOURS = ("#ffffff", "#eef3fa", "#dbe6f4", "#f6ecd9", "#f3f3f3")
_OUTCOMES = {
    "promoted": ("o", "#1b7f5c"),
    "rejected": ("X", "#b3261e"),
    "declined": ("s", "#6b7280"),
    "suppressed": ("s", "#c4c8cf"),
}


def days_table(seen: Iterable[Seen]) -> Table:
    """Tell each day in a line."""
    table = Table(title="The month, day by day", title_justify="left")
    for name in ("day", "posts", "drifted", "alarm", "live F1", "what happened"):
        table.add_column(name, overflow="fold")
    for one in seen:
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
    """Tell what the month had to show, and whether it did."""
    table = Table(title="What it must show", title_justify="left")
    for name in ("promise", "kept", "because"):
        table.add_column(name, overflow="fold")
    for promise in found:
        kept = "[green]yes[/]" if promise.kept else "[red]no[/]"
        table.add_row(promise.promise, kept, promise.because)
    return table


def day_words(one: Seen) -> str:
    """Tell a day in a line of plain words."""
    drift = "no figure" if one.share is None else f"{one.share:.2f} of the columns drifted"
    quality = "no live F1" if one.f1 is None else f"live F1 {one.f1:.2f}"
    return "; ".join([drift, *(["alarm"] if one.alarm else []), quality, *_happened(one)])


def _happened(one: Seen) -> list[str]:
    said = [f"{run['trigger']}: {run['outcome']}" for run in one.retrainings]
    if one.labels == 0:
        said.append("no labels came")
    if one.rolled_back:
        said.append(f"rolled back, served after {one.seconds_to_serve:.0f} s")
    return said


def draw(seen: Sequence[Seen], threshold: float, path: Path) -> None:
    """Draw drift, live quality and retrainings over the days, as an SVG or PNG."""
    from matplotlib import pyplot as plt

    figure, (drift, quality) = plt.subplots(
        2, 1, figsize=(10, 6.2), sharex=True, layout="constrained", height_ratios=(1, 1.1)
    )
    days = [one.day for one in seen]
    _shade(seen, (drift, quality))
    shares = [float("nan") if one.share is None else one.share for one in seen]
    colours = ["#b3261e" if one.alarm else "#4a6fa5" for one in seen]
    drift.bar(days, shares, color=colours, width=0.75)
    drift.axhline(threshold, color="#b3261e", linewidth=1, linestyle="--")
    drift.text(0.6, threshold, " alarm", color="#b3261e", va="bottom", fontsize=8)
    drift.set_ylabel("share of columns\nthat drifted")
    drift.set_ylim(0, 1)

    known = [one for one in seen if one.f1 is not None]
    quality.fill_between(
        [one.day for one in known],
        [one.f1_low for one in known],
        [one.f1_high for one in known],
        color="#4a6fa5",
        alpha=0.2,
        linewidth=0,
        label="95 % interval",
    )
    quality.plot([one.day for one in known], [one.f1 for one in known], "o-", ms=3, label="live F1")
    quality.set_ylabel("F1 of the champion's\nlast days, by labels")
    quality.set_ylim(0.3, 1)
    quality.set_xlabel("day of the month")
    quality.set_xticks(range(1, len(seen) + 1))
    quality.tick_params(axis="x", labelsize=8)
    _mark(seen, quality)
    quality.legend(fontsize=8, ncols=4, loc="lower left", frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _shade(seen: Sequence[Seen], panels: Iterable[Any]) -> None:
    phases = list(dict.fromkeys(one.phase for one in seen))
    for place, phase in enumerate(phases):
        days = [one.day for one in seen if one.phase == phase]
        for panel in panels:
            panel.axvspan(days[0] - 0.5, days[-1] + 0.5, color=_PHASE_COLOURS[place], zorder=0)
        drift, *_ = panels
        where = days[0] - 0.4
        drift.text(where, 1.02, phase.replace(", ", ",\n"), fontsize=7, va="bottom", wrap=True)


def _mark(seen: Sequence[Seen], panel: Any) -> None:
    for outcome, (marker, colour) in _OUTCOMES.items():
        days = [one.day for one in seen for run in one.retrainings if run["outcome"] == outcome]
        if days:
            panel.scatter(
                days, [0.52] * len(days), marker=marker, color=colour, label=outcome, s=36
            )
    for one in seen:
        if one.rolled_back:
            panel.axvline(one.day, color="#1b1f24", linewidth=1, linestyle=":")
            panel.text(one.day, 0.97, " rollback", fontsize=8, va="top")
