"""Serve the page to this machine only, without external resources."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from dash import Dash, Input, Output, dcc, html

from cli.dashboard.page import body, header, stopped
from cli.dashboard.rates import RecentRates, rates_section
from cli.errors import LocalStackStopped
from cli.local_page import serve_page
from cli.status.snapshot import Snapshot

SPANS = {
    "1 hour": timedelta(hours=1),
    "6 hours": timedelta(hours=6),
    "24 hours": timedelta(hours=24),
    "7 days": timedelta(days=7),
}
_FIRST_SPAN = "1 hour"
_RATES_EVERY = timedelta(minutes=10)
"""The rates change once a day, and reading them takes one request per day."""


def serve(
    snapshot_of: Callable[[timedelta], Snapshot],
    rates_of: Callable[[], RecentRates],
    port: int,
    every: timedelta,
    tell: Callable[[str], None],
) -> None:
    """Serve the page until it is interrupted; pass its address to `tell`.

    Parameters
    ----------
    snapshot_of : callable
        Takes a snapshot of the given span up to now.
    rates_of : callable
        Reads the rates of the last weeks.
    port : int
        0 for any free port.
    every : timedelta
        Refresh interval of an open page.
    tell : callable
        Takes the page's address.

    Raises
    ------
    OperatorError
        When the port is taken.
    """
    serve_page(app(snapshot_of, rates_of, every).server, port, tell)


def app(
    snapshot_of: Callable[[timedelta], Snapshot],
    rates_of: Callable[[], RecentRates],
    every: timedelta,
) -> Dash:
    """Make the page's application."""
    made = Dash(
        "cli.dashboard", title="Stresswatch", update_title="", serve_locally=True, compress=False
    )
    made.layout = html.Main(
        [
            dcc.Interval(id="clock", interval=every.total_seconds() * 1000),
            dcc.Interval(id="rates-clock", interval=_RATES_EVERY.total_seconds() * 1000),
            html.Header(id="header"),
            html.Div(id="rates"),
            html.Nav(
                [
                    html.Label("Show the last", htmlFor="span"),
                    dcc.RadioItems(list(SPANS), _FIRST_SPAN, id="span", inline=True),
                ]
            ),
            html.Div(html.P("Looking …"), id="snapshot"),
        ]
    )

    @made.callback(
        Output("header", "children"),
        Output("snapshot", "children"),
        Input("clock", "n_intervals"),
        Input("span", "value"),
    )
    def show(_: int | None, span: str) -> tuple[list[object], list[object]]:
        try:
            snapshot = snapshot_of(SPANS[span])
        except LocalStackStopped as error:
            return [html.H1("Stresswatch")], stopped(error)
        return header(snapshot), body(snapshot)

    @made.callback(Output("rates", "children"), Input("rates-clock", "n_intervals"))
    def show_rates(_: int | None) -> html.Section:
        try:
            return rates_section(rates_of())
        except LocalStackStopped:  # `show` says so once for the whole page
            return html.Section()

    return made
