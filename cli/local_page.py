"""Serve a page to this machine only."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, make_server

from cli.errors import OperatorError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"


def listen(application: WSGIApplication, port: int) -> BaseWSGIServer:
    """Return a listening server; start it with `serve_forever`.

    Parameters
    ----------
    application : WSGI application
    port : int
        0 for any free port.

    Raises
    ------
    OperatorError
        When the port is taken.
    """
    # Made here: the server itself would end the process if the port is taken.
    listening = bind(port, "give another with --port")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no log line per request
    made = make_server(
        HOST, listening.getsockname()[1], application, threaded=True, fd=listening.fileno()
    )
    listening.close()  # the server has a copy
    return made


def bind(port: int, remedy: str) -> socket.socket:
    """Return a socket that listens on a port of this machine.

    Raises
    ------
    OperatorError
        When the port is taken; its message ends with the remedy.
    """
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise OperatorError(
            f"Port {port} of {HOST} is not available ({error.strerror}); {remedy}."
        ) from error
    return listening


def serve_page(application: WSGIApplication, port: int, tell: Callable[[str], None]) -> None:
    """Serve until interrupted; pass the page's address to `tell`.

    Raises
    ------
    OperatorError
        When the port is taken.
    """
    serving = listen(in_callers_context(application), port)
    tell(f"http://{HOST}:{serving.port}")
    serving.serve_forever()  # returns normally after Ctrl-C


def in_callers_context(application: WSGIApplication) -> WSGIApplication:
    """Answer each request in the caller's context, so that hints name its target."""
    context = copy_context()

    def answer(environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return context.copy().run(application, environment, start)

    return answer
