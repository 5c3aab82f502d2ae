"""The report of the demo: one page with its charts, without external resources."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import jinja2
import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from cli.demo.summary import AFTER_PROMOTION, CommunityRate, DriftWindow, Summary
from cli.demo.terminal import Act
from stresswatch.retraining.check_words import HOLDOUTS, result_of
from stresswatch.task.definition import TASK

_QUIET, _LOUD, _INK = "#4c78a8", "#e45756", "#333333"
_INCHES = 5.5
"""Width of a chart in pixels, so that its text is readable on a phone."""
_LETTERS = 12
"""Height of a line under a bar or column."""
_SURE = 20
"""Decimal places of a p-value from which the colour stays the same."""
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text in the page's own font: outlines take ten times the space
    "svg.hashsalt": "stresswatch",  # the same values give the same bytes
    "font.family": "sans-serif",
    "axes.edgecolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def write_report(
    path: Path,
    summary: Summary,
    acts: list[Act],
    probabilities: tuple[NDArray[np.float64], NDArray[np.float64]],
    alarm_threshold: float,
) -> None:
    """Write the page.

    Parameters
    ----------
    probabilities : tuple of two ndarrays of shape (n_held_out_posts,)
        As served before and after the promotion.
    """
    with mpl.rc_context(_SETTINGS):
        pictures = {
            "rate": _rate_picture(summary.rates),
            "share": _share_picture(summary, alarm_threshold),
            "features": _features_picture(summary),
            "probability": _probability_picture(*probabilities),
        }
    template = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    ).get_template("report.html.j2")
    path.write_text(
        template.render(
            summary=summary,
            acts=acts,
            pictures=pictures,
            task=TASK,
            holdouts=HOLDOUTS,
            after_promotion=AFTER_PROMOTION,
            result_of=result_of,
        ),
        encoding="utf-8",
    )


def _drawing(inches_high: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_INCHES, inches_high), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure) -> Markup:
    """Return a chart as an element of the page that fills the width."""
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    drawn = written.getvalue()
    return Markup(drawn[drawn.index("<svg") :])  # noqa: S704 - matplotlib escapes the names


def _wrapped(windows: Sequence[DriftWindow]) -> list[str]:
    return [fill(window.name, _LETTERS) for window in windows]


def _rate_picture(rates: list[CommunityRate]) -> Markup:
    figure, axes = _drawing(1.6 + 0.5 * len(rates))
    rows = {rate.community: row for row, rate in enumerate(rates)}
    for rate in rates:
        if rate.corrected is not None and rate.low is not None and rate.high is not None:
            row = rows[rate.community]
            axes.plot([rate.low, rate.high], [row, row], color=_QUIET, linewidth=4, alpha=0.4)
    for name, values, style in (
        ("corrected, with 95 % interval", [rate.corrected for rate in rates], "o"),
        ("called by the model", [rate.called for rate in rates], "X"),
        ("true", [rate.true for rate in rates], "|"),
    ):
        shown = [(value, row) for row, value in enumerate(values) if value is not None]
        colour = {"o": _QUIET, "X": _LOUD, "|": _INK}[style]
        axes.plot(
            *zip(*shown, strict=True) if shown else ([], []),
            style,
            color=colour,
            label=name,
            markersize=16 if style == "|" else 9,
            markeredgewidth=2.5 if style == "|" else 0,
        )
    axes.set_yticks(range(len(rates)), list(rows))
    axes.set_ylim(len(rates) - 0.5, -0.5)
    axes.set_xlabel(f"share of posts that are {TASK.label.name(1)}")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.legend(loc="outside upper left", ncols=1)
    return _svg(figure)


def _share_picture(summary: Summary, alarm_threshold: float) -> Markup:
    measured = [window for window in summary.drift if window.share is not None]
    shares = [window.share or 0.0 for window in measured]
    figure, axes = _drawing(3.2)
    bars = axes.bar(
        _wrapped(measured),
        shares,
        color=[_LOUD if share >= alarm_threshold else _QUIET for share in shares],
    )
    above_the_line = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    axes.bar_label(bars, [f"{share:.0%}" for share in shares], padding=2, bbox=above_the_line)
    axes.axhline(alarm_threshold, color=_INK, linestyle="--", label="alarm threshold")
    axes.set_ylim(0, 1)
    axes.set_ylabel("drifted features")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.legend(loc="outside upper left")
    return _svg(figure)


def _features_picture(summary: Summary) -> Markup:
    measured = [window for window in summary.drift if window.features]
    names = list(measured[0].features) if measured else []
    figure, axes = _drawing(1.5 + 0.3 * len(names))
    surprise = [
        [-math.log10(max(window.features[name]["p_value"], 10.0**-_SURE)) for window in measured]
        for name in names
    ]
    shown = axes.pcolormesh(
        np.array(surprise).reshape(len(names), len(measured)), cmap="Reds", vmin=0, vmax=_SURE
    )
    for row, name in enumerate(names):
        for column, window in enumerate(measured):
            if window.features[name]["drifted"]:
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    "drifted",
                    ha="center",
                    va="center",
                    color="white" if surprise[row][column] > _SURE / 2 else _INK,
                )
    axes.set_xticks(np.arange(len(measured)) + 0.5, _wrapped(measured), fontsize=8)
    axes.set_yticks(np.arange(len(names)) + 0.5, names)
    axes.invert_yaxis()
    figure.colorbar(shown, label="p-value as a negative power of ten", location="bottom", aspect=40)
    return _svg(figure)


def _probability_picture(before: NDArray[np.float64], after: NDArray[np.float64]) -> Markup:
    figure, axes = _drawing(3.2)
    for name, values, colour in (
        ("old champion", before, _LOUD),
        ("new champion", after, _QUIET),
    ):
        axes.hist(values, bins=20, range=(0, 1), label=name, color=colour, alpha=0.65)
    axes.set_xlabel(f"probability of {TASK.label.noun}")
    axes.set_ylabel("held-out posts")
    figure.legend(loc="outside upper left", ncols=2)
    return _svg(figure)
