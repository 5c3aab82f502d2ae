"""The report of the story: one page with its pictures, which opens without a network."""

from __future__ import annotations

import math
from pathlib import Path

import jinja2
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cli.demo.summary import CommunityRate, Summary
from cli.demo.terminal import Act

_QUIET, _LOUD, _INK = "#4c78a8", "#e45756", "#333333"
_LAYOUT = {
    "template": "plotly_white",
    "font": {"family": "system-ui, sans-serif", "color": _INK},
    "margin": {"l": 60, "r": 30, "t": 40, "b": 50},
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
    figures = {
        "rate": _rate_figure(summary.communities),
        "share": _share_figure(summary, alarm_threshold),
        "columns": _columns_figure(summary),
        "probability": _probability_figure(*probabilities),
    }
    template = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    ).get_template("report.html.j2")
    # The first figure brings plotly.js along, for all of them.
    html = {
        name: figure.to_html(
            full_html=False,
            include_plotlyjs=name == "rate",
            config={"displayModeBar": False, "responsive": True},
        )
        for name, figure in figures.items()
    }
    path.write_text(template.render(summary=summary, acts=acts, figures=html), encoding="utf-8")


def _rate_figure(rates: list[CommunityRate]) -> go.Figure:
    names = [rate.community for rate in rates]
    figure = go.Figure()
    corrected = [rate for rate in rates if rate.corrected is not None]
    figure.add_scatter(
        x=[rate.corrected for rate in corrected],
        y=[rate.community for rate in corrected],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [(rate.high or 0) - (rate.corrected or 0) for rate in corrected],
            "arrayminus": [(rate.corrected or 0) - (rate.low or 0) for rate in corrected],
            "thickness": 3,
        },
        mode="markers",
        name="corrected, 95 % interval",
        marker={"color": _QUIET, "size": 12},
    )
    for name, values, colour, symbol in (
        ("called by the model", [rate.called for rate in rates], _LOUD, "x"),
        ("true", [rate.true for rate in rates], _INK, "line-ns-open"),
    ):
        figure.add_scatter(
            x=values,
            y=names,
            mode="markers",
            name=name,
            marker={"color": colour, "size": 14, "symbol": symbol, "line": {"width": 3}},
        )
    figure.update_layout(
        _LAYOUT,
        height=140 + 60 * len(rates),
        xaxis={"tickformat": ".0%", "title": "share of posts that express stress"},
        yaxis={"automargin": True, "autorange": "reversed"},
        legend={"orientation": "h", "y": 1.15},
    )
    return figure


def _share_figure(summary: Summary, alarm_threshold: float) -> go.Figure:
    measured = [window for window in summary.drift if window.share is not None]
    figure = go.Figure(
        go.Bar(
            x=[window.name for window in measured],
            y=[window.share for window in measured],
            text=[f"{window.share:.0%}" for window in measured],
            marker_color=[
                _LOUD if (window.share or 0.0) >= alarm_threshold else _QUIET for window in measured
            ],
        )
    )
    figure.add_hline(
        y=alarm_threshold,
        line_dash="dash",
        line_color=_INK,
        annotation_text="the alarm's threshold",
        annotation_position="top left",
    )
    figure.update_layout(
        _LAYOUT, height=340, yaxis={"tickformat": ".0%", "range": [0, 1]}, yaxis_title="drifted"
    )
    return figure


def _columns_figure(summary: Summary) -> go.Figure:
    measured = [window for window in summary.drift if window.columns]
    names = list(measured[0].columns) if measured else []
    p_values = [[window.columns[name]["p_value"] for window in measured] for name in names]
    marks = [
        ["drifted" if window.columns[name]["drifted"] else "" for window in measured]
        for name in names
    ]
    figure = go.Figure(
        go.Heatmap(
            x=[window.name for window in measured],
            y=names,
            z=[[-math.log10(max(p, 1e-20)) for p in row] for row in p_values],
            text=marks,
            customdata=p_values,
            texttemplate="%{text}",
            hovertemplate="%{y}, %{x}<br>p = %{customdata:.2g}<extra></extra>",
            colorscale="Reds",
            zmin=0,
            zmax=20,
            colorbar={"title": "-log₁₀ p"},
        )
    )
    figure.update_layout(_LAYOUT, height=420, yaxis={"autorange": "reversed", "automargin": True})
    return figure


def _probability_figure(before: NDArray[np.float64], after: NDArray[np.float64]) -> go.Figure:
    figure = go.Figure()
    for name, values, colour in (
        ("old champion", before, _LOUD),
        ("new champion", after, _QUIET),
    ):
        figure.add_histogram(
            x=values,
            name=name,
            marker_color=colour,
            opacity=0.65,
            xbins={"start": 0, "end": 1, "size": 0.05},
        )
    figure.update_layout(
        _LAYOUT,
        height=340,
        barmode="overlay",
        xaxis={"range": [0, 1], "title": "probability of stress"},
        yaxis_title="held-out posts",
        legend={"orientation": "h", "y": 1.1},
    )
    return figure
