"""Serve the page to this machine only, without external resources."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from datetime import timedelta

from dash import Dash, Input, Output, dcc, html
from werkzeug.serving import BaseWSGIServer, make_server

from cli.dashboard.page import body, header
from cli.dashboard.rates import RecentRates, rates_section
from cli.errors import OperatorError
from cli.status.snapshot import Snapshot

HOST = "127.0.0.1"
SPANS = {
    "1 hour": timedelta(hours=1),
    "6 hours": timedelta(hours=6),
    "24 hours": timedelta(hours=24),
    "7 days": timedelta(days=7),
}
_FIRST_SPAN = "1 hour"
_RATES_EVERY = timedelta(minutes=10)
"""The rates change once a day, and reading them takes one request per day."""


def server(
    snapshot_of: Callable[[timedelta], Snapshot],
    rates_of: Callable[[], RecentRates],
    port: int,
    every: timedelta,
) -> BaseWSGIServer:
    """Return a listening server; start it with `serve_forever`.

    Parameters
    ----------
    snapshot_of : callable
        Takes a snapshot of the given span up to now.
    rates_of : callable
        Reads the stress rate of the last weeks.
    port : int
        0 for any free port.
    every : timedelta
        Refresh interval of an open page.

    Raises
    ------
    OperatorError
        When the port is taken.
    """
    # Made here: the server itself would end the process if the port is taken.
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise OperatorError(
            f"Port {port} of {HOST} is not available ({error.strerror}); give another with --port."
        ) from error
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no log line per request
    made = make_server(
        HOST,
        listening.getsockname()[1],
        app(snapshot_of, rates_of, every).server,
        threaded=True,
        fd=listening.fileno(),
    )
    listening.close()  # the server has a copy
    return made


def serve(
    snapshot_of: Callable[[timedelta], Snapshot],
    rates_of: Callable[[], RecentRates],
    port: int,
    every: timedelta,
    tell: Callable[[str], None],
) -> None:
    """Serve the page until it is interrupted; pass its address to `tell`.

    Raises
    ------
    OperatorError
        When the port is taken.
    """
    serving = server(snapshot_of, rates_of, port, every)
    tell(f"http://{HOST}:{serving.port}")
    serving.serve_forever()  # returns normally after Ctrl-C


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
            html.Div(id="stress-rate"),
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
        snapshot = snapshot_of(SPANS[span])
        return header(snapshot), body(snapshot)

    @made.callback(Output("stress-rate", "children"), Input("rates-clock", "n_intervals"))
    def show_rates(_: int | None) -> html.Section:
        return rates_section(rates_of())

    return made
