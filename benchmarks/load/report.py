"""Results of a load test: a row per step, losses, a table and a chart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class LoadStep:
    """Load at one rate, from `start` to `end` in seconds since the epoch."""

    name: str
    rate: int
    start: float
    end: float
    sent: int


@dataclass(frozen=True)
class Point:
    """CloudWatch's values for one second; None without data."""

    second: int
    records_out: float
    iterator_age_seconds: float | None
    batch_size: float | None
    function_milliseconds: float | None


@dataclass(frozen=True)
class Row:
    """A step's metrics: rates per second, the highest iterator age, means of batches."""

    step: str
    records_in: float
    records_out: float
    iterator_age_seconds: float | None
    batch_size: float | None
    function_milliseconds: float | None


def rows(steps: Sequence[LoadStep], points: Sequence[Point]) -> list[Row]:
    """Aggregate the points of each step; a second belongs to the step of its start."""
    return [
        _row(step, [one for one in points if step.start <= one.second < math.ceil(step.end)])
        for step in steps
    ]


def _row(step: LoadStep, points: Sequence[Point]) -> Row:
    ages = [p.iterator_age_seconds for p in points if p.iterator_age_seconds is not None]
    sizes = [p.batch_size for p in points if p.batch_size is not None]
    times = [p.function_milliseconds for p in points if p.function_milliseconds is not None]
    seconds = step.end - step.start
    return Row(
        step=step.name,
        records_in=step.sent / seconds if seconds else 0.0,
        records_out=sum(p.records_out for p in points) / len(points) if points else 0.0,
        iterator_age_seconds=max(ages, default=None),
        batch_size=sum(sizes) / len(sizes) if sizes else None,
        function_milliseconds=sum(times) / len(times) if times else None,
    )


def is_faithful(result: Mapping[str, Any]) -> bool:
    """Return whether exactly the sent posts arrived, once each."""
    faults = ("lost_in_archive", "lost_on_stream", "never_sent", "archived_twice", "quarantined")
    return result["sent"] > 0 and not any(result[fault] for fault in faults)


def compare(sent: Sequence[str], archived: Sequence[str], streamed: set[str]) -> dict[str, int]:
    """Count lost posts, and predictions of unknown posts."""
    expected = set(sent)
    return {
        "sent": len(sent),
        "lost_in_archive": len(expected - set(archived)),
        "lost_on_stream": len(expected - streamed),
        "never_sent": len((set(archived) | streamed) - expected),
        "archived_twice": len(archived) - len(set(archived)),
    }


def show(result: Mapping[str, Any]) -> None:
    """Print the result as a table."""
    console = Console()
    table = Table(title="Load on the local stack", title_justify="left")
    for column in (
        "asked, records a second", "in, a second", "out, a second",
        "iterator age, at most", "batch size", "function time",
    ):  # fmt: skip
        table.add_column(column, justify="right", overflow="fold")
    for row in result["rows"]:
        table.add_row(
            row["step"],
            f"{row['records_in']:,.0f}",
            f"{row['records_out']:,.0f}",
            _text(row["iterator_age_seconds"], ".1f", " s"),
            _text(row["batch_size"], ",.0f", ""),
            _text(row["function_milliseconds"], ",.0f", " ms"),
        )
    console.print(result["machine"])
    console.print(table)
    for part, microseconds in result["processor_microseconds_a_post"].items():
        console.print(f"{part}: {microseconds:,.0f} µs of the processor a post")
    console.print(
        f"sent {result['sent']:,}; lost in the archive {result['lost_in_archive']:,}, on the "
        f"predictions stream {result['lost_on_stream']:,}; archived twice "
        f"{result['archived_twice']:,}; never sent {result['never_sent']:,}; quarantined "
        f"{result['quarantined']:,}; the backlog was worked off {result['recovery_seconds']:.1f} s "
        "after the load ended"
    )


def _text(value: float | None, form: str, unit: str) -> str:
    return "-" if value is None else f"{value:{form}}{unit}"


def draw(result: Mapping[str, Any], path: Path) -> None:
    """Draw records in and out, iterator age, and batches over the seconds of the run."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    FigureCanvasAgg(figure)
    began = result["steps"][0]["start"]
    points = result["points"]
    seconds = [point["second"] - began for point in points]
    flow, age, batches = figure.subplots(3, 1, sharex=True)
    edges = [result["steps"][0]["start"], *(step["end"] for step in result["steps"])]
    flow.stairs(
        [step["sent"] / max(step["end"] - step["start"], 1e-9) for step in result["steps"]],
        [edge - began for edge in edges],
        label="in",
        color="tab:orange",
        linewidth=2,
    )
    flow.plot(seconds, [point["records_out"] for point in points], label="out", color="tab:blue")
    flow.set_ylabel("records a second")
    flow.legend(loc="upper left", frameon=False)
    _draw_line(age, seconds, [point["iterator_age_seconds"] for point in points], "tab:red")
    age.set_ylabel("iterator age, s")
    _draw_line(batches, seconds, [point["batch_size"] for point in points], "tab:blue")
    batches.set_ylabel("records a batch", color="tab:blue")
    times = batches.twinx()
    _draw_line(times, seconds, [point["function_milliseconds"] for point in points], "tab:green")
    times.set_ylabel("function time, ms", color="tab:green")
    batches.set_xlabel("seconds since the start")
    (backlog,) = [step for step in result["steps"] if step["name"] == "backlog"]
    for axes in (flow, age, batches):
        axes.axvspan(backlog["start"] - began, backlog["end"] - began, color="0.92", zorder=0)
        axes.spines[["top", "right"]].set_visible(False)
    flow.set_title("Load raised step by step; grey: no load, the backlog is worked off", loc="left")
    figure.savefig(path)


def _draw_line(axes: Any, seconds: Sequence[float], values: Sequence[float | None], c: str) -> None:
    known = [(x, y) for x, y in zip(seconds, values, strict=True) if y is not None]
    axes.plot([x for x, _ in known], [y for _, y in known], color=c, marker=".", markersize=3)
    axes.set_ylim(bottom=0)
