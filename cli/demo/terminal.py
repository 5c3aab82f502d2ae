"""The live view of the demo: a table of acts, or plain lines outside a terminal."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cli.console import literal
from cli.demo.summary import AFTER_PROMOTION, CommunityRate, DriftWindow, Summary
from cli.tables import fitted
from stresswatch.rates.cells import RateMethod
from stresswatch.retraining.check_words import HOLDOUTS, Result, result_of
from stresswatch.task.definition import TASK

_RESULT_STYLES = {Result.PASSED: "green", Result.FAILED: "red", Result.NOT_APPLICABLE: "dim"}


@dataclass
class Act:
    """One act: its title, its result, and its duration."""

    title: str
    detail: str = ""
    seconds: float | None = None
    started: float = field(default_factory=time.monotonic)

    def say(self, detail: str) -> None:
        self.detail = detail


class View:
    """Draw the acts on a console while they happen."""

    def __init__(self, console: Console, title: str):
        self.acts: list[Act] = []
        self._console = console
        self._title = title
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(
            get_renderable=self.render, console=console, refresh_per_second=8, transient=True
        )

    def __enter__(self) -> View:
        if self._console.is_terminal:
            self._live.start()
        else:
            self._console.print(self._title)
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()
            self._console.print(self.render())

    @contextmanager
    def act(self, title: str) -> Iterator[Act]:
        """Show an act while it runs."""
        act = Act(title)
        self.acts.append(act)
        yield act
        act.seconds = time.monotonic() - act.started
        if not self._console.is_terminal:
            self._console.print(
                f"  {act.seconds:5.1f} s  {act.title}: {act.detail}", soft_wrap=True
            )

    def render(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(justify="right", width=7, style="dim")
        table.add_column(style="bold", max_width=30)
        table.add_column(overflow="fold")
        for act in self.acts:
            running = act.seconds is None
            seconds = time.monotonic() - act.started if act.seconds is None else act.seconds
            mark: RenderableType = self._spinner if running else Text("✓", style="green")
            table.add_row(mark, f"{seconds:.1f} s", act.title, Text.from_markup(act.detail))
        return Panel(table, title=self._title, border_style="cyan")


def final_table(console: Console, summary: Summary) -> RenderableType:
    """Return the table at the end of the demo."""
    facts = Table(title="What happened", title_justify="left", show_header=False)
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    lost_style = "green" if summary.lost == summary.duplicates == 0 else "red"
    rows = {
        "data": summary.data,
        "posts sent": f"{summary.posts_sent:,}",
        "predictions received": f"{summary.predictions_received:,}",
        "quarantined": f"{summary.quarantined}",
        "labels": (
            f"{summary.retraining['dataset']['labelled_posts']:,} for the retraining; "
            f"{summary.sampled_labels:,} of a random sample, for the {TASK.label.rate}"
        ),
        "lost, duplicates": f"[{lost_style}]{summary.lost}, {summary.duplicates}[/]",
        "champion": f"{summary.champion_before} → {summary.champion_after}",
        "F1 on the unseen communities' held-out posts": (
            f"{summary.f1_before:.3f} → {summary.f1_after:.3f} ({summary.f1_change})"
        ),
        "Brier score there (lower is better)": (
            f"{summary.brier_before:.3f} → {summary.brier_after:.3f} ({summary.brier_change})"
        ),
        "time": f"{summary.seconds:.0f} s",
    }
    for name, value in rows.items():
        facts.add_row(name, value)
    return Group(
        _drift_table(console, summary.drift),
        _gate_table(console, summary),
        facts,
        rate_table(console, summary.rates),
    )


def drift_words(window: DriftWindow) -> str:
    """Return a window's drift in a few words."""
    if window.share is None:
        return f"{window.posts} posts: {window.status.replace('_', ' ')}, not measured"
    drifted = sum(feature["drifted"] for feature in window.features.values())
    alarm = "[red]alarm[/]" if window.alarm else "[green]no alarm[/]"
    return f"{drifted} of {len(window.features)} features drifted ({window.share:.0%}), {alarm}"


def _drift_table(console: Console, windows: list[DriftWindow]) -> Table:
    rows = [
        (
            window.name,
            str(window.posts),
            ", ".join(name for name, feature in window.features.items() if feature["drifted"])
            or "none",
            "" if window.share is None else f"{window.share:.2f}",
            "[red]ALARM[/]" if window.alarm else "[green]OK[/]",
        )
        for window in windows
    ]
    return _fitted(
        console,
        "Drift by window",
        ("window", "posts", "drifted features", "share", "alarm"),
        rows,
        dispensable=("posts", "share"),
        caption=AFTER_PROMOTION,
    )


def _fitted(
    console: Console,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    dispensable: Sequence[str],
    caption: str,
    numbers: Collection[str] = (),
) -> Table:
    """Return a table that breaks no word."""
    table = fitted(
        console,
        title,
        columns,
        rows,
        numbers=numbers,
        dispensable=dispensable,
        elsewhere="a wider terminal shows all",
    )
    table.show_lines = False
    table.caption = f"{caption} {table.caption or ''}".rstrip()
    return table


def _estimates(rate: CommunityRate) -> tuple[str, ...]:
    if rate.method == RateMethod.SUPPRESSED:
        return "", "", "too few posts", ""
    true, called = f"{rate.true:.1%}", "" if rate.called is None else f"{rate.called:.1%}"
    if rate.corrected is None:
        return called, "", "too few labels", true
    return (
        called,
        f"[bold]{rate.corrected:.1%}[/]",
        f"{f'{rate.low:.1%}'.removesuffix('%')} to {rate.high:.1%}",
        true,
    )


def rate_table(console: Console, rates: list[CommunityRate]) -> Table:
    """Return the called, corrected and true rate of each unseen community."""
    columns = ("community", "posts", "labels", "called", "corrected", "95 % interval", "true")
    rows = [
        (literal(rate.community), f"{rate.posts:,}", f"{rate.labelled:,}", *_estimates(rate))
        for rate in rates
    ]
    return _fitted(
        console,
        f"{TASK.label.rate.capitalize()} of the unseen communities",
        columns,
        rows,
        numbers=columns[1:],
        dispensable=("labels", "posts", "called"),
        caption="Labels: for the community's posts in the random sample; the sample's other "
        f"labels are for other communities. Called: the share called {TASK.label.name(1)} by the "
        "model. Corrected: by these labels, with a 95 % interval. True: by all labels, which only "
        "the demo knows.",
    )


def _gate_table(console: Console, summary: Summary) -> Table:
    return _fitted(
        console,
        "The gate's verdict on the challenger",
        ("check", "champion", "challenger", "result"),
        [_gate_row(check) for check in summary.retraining.get("gate", {}).get("checks", [])],
        dispensable=("champion",),
        caption=f"{HOLDOUTS} The report adds each check's requirement and evidence.",
    )


def _gate_row(check: Mapping[str, Any]) -> tuple[str, ...]:
    result = result_of(check)
    champion, challenger = (
        "" if value is None else f"{value:.3f}"
        for value in (check["champion"], check["challenger"])
    )
    verdict = f"[{_RESULT_STYLES[result]}]{result}[/]"
    return literal(check["name"]), champion, challenger, verdict
