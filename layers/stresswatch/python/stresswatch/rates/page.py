"""The rates' page: one HTML file without network access, for any screen width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape

from stresswatch.rates import chart
from stresswatch.rates.cells import Period, Rate, RateMethod
from stresswatch.rates.comparisons import between_communities, between_periods
from stresswatch.storage.prefixes import REPORTS
from stresswatch.task.definition import TASK
from stresswatch.text.html_page import html_page

PAGE = f"{REPORTS}rates.html"
"""The page's key in the archive bucket."""
COMMUNITIES = 20
"""Number of communities on the page, the largest ones."""
_DAYS = 35
"""Maximum number of days on the page, the last ones; with all weeks it stays below a megabyte."""

_STYLE = (
    "h2{margin-top:2em}figure{margin:1em 0}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:14px}"
    "th,td{border-bottom:1px solid #d5dae0;padding:.3em .6em;text-align:right}"
    "th:first-child,td:first-child,td:last-child{text-align:left;white-space:nowrap}"
    "td:last-child{white-space:normal;min-width:14em}summary{cursor:pointer;padding:.4em 0}"
    "h1,h2,h3,p,li,caption{overflow-wrap:anywhere}"
    f"{chart.STYLE}"
    "@media(max-width:480px){svg{font-size:14px}}"  # a phone shows a chart at three quarters
)
_TITLE = TASK.label.rate.capitalize()
_INTRODUCTION = (
    f"The share of {TASK.label.name(1)} posts. The called rate counts the posts that the model "
    f"predicts as {TASK.label.name(1)}, and inherits its errors. The corrected rate removes them "
    "with labels of randomly drawn posts. Its interval contains the true share in 95 of "
    "100 cases. "
    f"{TASK.wording.notice}"
)
_HEADERS = ("from", "posts", "called", "corrected", "95 % interval", "labels", "method")
_METHODS = {
    RateMethod.PREDICTION_POWERED: "predictions and labels",
    RateMethod.LABELS_ALONE: "labels alone",
}


def page(rates: Iterable[Rate], stack: str, written: datetime) -> str:
    """Return the page for rates in chronological order.

    Parameters
    ----------
    stack : str
        The stack's name.
    written : datetime
        The present time, in UTC.
    """
    by_source: dict[str | None, list[Rate]] = {}
    for rate in rates:
        by_source.setdefault(rate.source, []).append(rate)
    communities = largest_first(by_source)
    sections = [
        _section(source, by_source[source])
        for source in (None, *communities[:COMMUNITIES])
        if source in by_source
    ]
    left_out = len(communities) - COMMUNITIES
    more = f"<p>{left_out} smaller communities are only in the table.</p>" if left_out > 0 else ""
    compared = between_communities(
        rate for found in by_source.values() for rate in found if rate.period is Period.WEEK
    )
    nothing = "" if by_source else "<p>There are no posts yet.</p>"
    return html_page(
        _TITLE,
        _STYLE,
        f"<h1>{escape(_TITLE)}</h1>"
        f"<p>{escape(stack)}, written at {written:%Y-%m-%d %H:%M} UTC</p>"
        f"<p>{escape(_INTRODUCTION)}</p><p>{chart.LEGEND}</p>{nothing}"
        f"{''.join(sections[:1])}{_sentences('Between communities', compared)}"
        f"{''.join(sections[1:])}{more}",
    )


def largest_first(rates: Mapping[str | None, Sequence[Rate]]) -> list[str]:
    """Return the communities with rates, by number of posts."""
    return sorted(
        (source for source in rates if source is not None),
        key=lambda source: (-sum(rate.posts or 0 for rate in rates[source]), source),
    )


def name_of(source: str | None) -> str:
    """Return a community's name, or the name for all communities."""
    return "All communities" if source is None else source


def _section(source: str | None, rates: Sequence[Rate]) -> str:
    name = name_of(source)
    parts = [f"<section><h2>{escape(name)}</h2>"]
    for period in (Period.WEEK, Period.DAY):
        found = [rate for rate in rates if rate.period is period]
        title = f"By {period}"
        if period is Period.DAY and len(found) > _DAYS:
            found = found[-_DAYS:]
            title += f" (the last {_DAYS} days with posts)"
        if found:
            parts.append(
                f"<h3>{title}</h3><figure>{chart.chart(found, f'{name}, {title.lower()}')}"
                f"</figure>{_table(found, f'{name}, {title.lower()}')}"
            )
            if period is Period.WEEK:
                parts.append(_sentences("From week to week", between_periods(found)))
    return "".join([*parts, "</section>"])


def _table(rates: Sequence[Rate], caption: str) -> str:
    headers = "".join(f'<th scope="col">{header}</th>' for header in _HEADERS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(rate)) + "</tr>"
        for rate in rates
    )
    return (
        f'<details><summary>Table</summary><div class="wide" tabindex="0"><table>'
        f"<caption>{escape(caption)}</caption>"
        f"<thead><tr>{headers}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _cells(rate: Rate) -> tuple[str, ...]:
    how = ". ".join(part for part in (_METHODS.get(rate.method), rate.warning) if part)
    return (
        rate.start.isoformat(),
        "" if rate.posts is None else f"{rate.posts:,}",
        percent(rate.called_rate),
        percent(rate.corrected_rate),
        interval(rate),
        "" if rate.labelled is None else f"{rate.labelled:,}",
        how,
    )


def percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}".replace("%", " %")


def interval(rate: Rate) -> str:
    """Return a corrected rate's bounds as text; empty without a correction."""
    if rate.low is None or rate.high is None:
        return ""
    return f"{100 * rate.low:.1f} to {100 * rate.high:.1f} %"


def _sentences(title: str, found: Sequence[object]) -> str:
    if not found:
        return ""
    items = "".join(f"<li>{escape(str(one))}</li>" for one in found)
    return f"<h3>{title}</h3><ul>{items}</ul>"
