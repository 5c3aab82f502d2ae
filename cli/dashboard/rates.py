"""The first section of the page: the rate of positive posts, by community over time."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from dash import html

from cli.deployment.target import Target
from cli.errors import OperatorError, raise_if_stopped, sentence
from cli.program import as_called
from cli.timestamps import utc_now
from cli.trend import newest_rate, period_name, read_recent, shown_period
from stresswatch.monitoring.dashboard import RATE
from stresswatch.rates import chart
from stresswatch.rates.cells import Period, Rate
from stresswatch.rates.page import interval, largest_first, name_of, percent
from stresswatch.task.definition import TASK

COMMUNITIES = 5
"""Number of communities with a chart, the largest first."""


@dataclass(frozen=True)
class RecentRates:
    """The rates of the last weeks in order, or the reason why they cannot be read."""

    rates: Sequence[Rate] = ()
    unreadable: str = ""


def read_recent_rates(target: Target, now: Callable[[], datetime] = utc_now) -> RecentRates:
    """Read the rates of the last weeks of a deployment.

    Raises
    ------
    LocalStackStopped
        When the local stack does not answer.
    """
    try:
        found = read_recent(target, now().date())
    except (BotoCoreError, ClientError) as error:
        raise_if_stopped(error, is_local=target.is_local)
        return RecentRates(unreadable=sentence(error))
    except OperatorError as error:
        return RecentRates(unreadable=str(error))
    return RecentRates(found)


def rates_section(recent: RecentRates) -> html.Section:
    """Return the section: the newest rate in a sentence, and a chart for each community."""
    return html.Section([html.H2(RATE.title), *_content(recent)])


def _content(recent: RecentRates) -> list[Any]:
    if recent.unreadable:
        why = f"The {TASK.label.rate} could not be read. {recent.unreadable}"
        return [html.P(as_called(why), className="verdict bad")]
    period = shown_period(recent.rates)
    by_source: dict[str | None, list[Rate]] = {}
    for rate in recent.rates:
        if rate.period is period:
            by_source.setdefault(rate.source, []).append(rate)
    shown = [
        source
        for source in (None, *largest_first(by_source)[:COMMUNITIES])
        if any(rate.called_rate is not None for rate in by_source.get(source, ()))
    ]
    if not shown:
        return [_nothing_yet(is_suppressed=bool(recent.rates))]
    charts = [_chart(source, by_source[source], period) for source in shown]
    return [
        *([_sentence(newest)] if (newest := newest_rate(recent.rates)) else []),
        html.Div(charts, className="rates"),
        html.P(
            [
                chart.LEGEND,
                " The charts show all posts and the largest communities; ",
                html.Code(as_called("stresswatch trend --html rate.html")),
                " writes a page with more of them, tables and differences.",
            ],
            className="quiet",
        ),
    ]


def _sentence(rate: Rate) -> html.Div:
    when = period_name(rate, f"{rate.start.day} {rate.start:%B %Y}")
    called = _unbroken(percent(rate.called_rate))
    of = f"of {rate.posts:,} posts, {when}"
    if not rate.estimate:
        parts = [
            html.B(called),
            html.Span(f"{of}: what the model calls {TASK.label.name(1)}, not corrected."),
            html.P(["Too few sampled posts have a label. ", *_how_to_label()]),
        ]
    else:
        parts = [
            html.B(_unbroken(percent(rate.corrected_rate))),
            html.Span(
                f"{of}. {_unbroken('95 %')} interval: {_unbroken(interval(rate))}. "
                f"The model alone calls {called} {TASK.label.name(1)}."
            ),
            *([html.P(rate.warning)] if rate.warning else []),
        ]
    return html.Div(parts, className="newest")


def _unbroken(number: str) -> str:
    """Keep a number and its unit on one line."""
    return number.replace(" %", "\N{NO-BREAK SPACE}%")


def _chart(source: str | None, rates: Sequence[Rate], period: Period) -> html.Figure:
    drawn = b64encode(chart.image(rates).encode()).decode()
    name = name_of(source)
    return html.Figure(
        [
            html.Figcaption(html.H3([name, html.Small(f"by {period}")])),
            html.Img(
                src=f"data:image/svg+xml;base64,{drawn}",
                alt=f"{TASK.label.rate.capitalize()} of {name}, by {period}",
            ),
        ]
    )


def _nothing_yet(*, is_suppressed: bool) -> html.P:
    if is_suppressed:
        return html.P(
            "Every period of the last weeks has too few posts to show. Lower "
            "monitoring.minimum_cell_posts only if no person can be identified among so few posts.",
            className="verdict",
        )
    return html.P(
        [
            f"There is no {TASK.label.rate} yet. The monitoring workflow estimates it once a day, "
            "and ",
            html.Code(as_called("stresswatch measure")),
            " does so immediately. ",
            *_how_to_label(),
        ],
        className="verdict",
    )


def _how_to_label() -> list[Any]:
    return [
        "For a corrected rate, set ",
        html.Code("labelling.label_sample_share"),
        ", deploy, export the sampled posts with ",
        html.Code(as_called("stresswatch queue export")),
        ", submit their labels with ",
        html.Code(as_called("stresswatch label")),
        ", and measure again.",
    ]
