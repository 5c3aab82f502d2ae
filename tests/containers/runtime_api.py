"""The service from which Lambda's runtime client fetches events, and to which it sends answers.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_ARN = "arn:aws:lambda:us-east-1:000000000000:function:tests"


class FunctionFailed(AssertionError):
    """The function raised an error, or failed to load."""


class RuntimeApi:
    """Pass events to one runtime client, and receive its answers."""

    def __init__(self, port: int):
        self.address = f"127.0.0.1:{port}"
        self.client: subprocess.Popen[bytes] | None = None
        self._events: queue.Queue[bytes] = queue.Queue()
        self._answers: queue.Queue[tuple[bool, Any]] = queue.Queue()

    def invoke(self, event: Mapping[str, Any], seconds: float = 120) -> Any:
        """Return the function's answer to an event.

        Raises
        ------
        FunctionFailed
        """
        self._events.put(json.dumps(event).encode())
        deadline = time.monotonic() + seconds
        while self._answers.empty():
            if self.client and self.client.poll() is not None:
                raise FunctionFailed(f"the client ended with {self.client.returncode}")
            if time.monotonic() > deadline:
                raise FunctionFailed(f"no answer within {seconds:.0f} s")
            time.sleep(0.02)
        is_answer, body = self._answers.get()
        if not is_answer:
            raise FunctionFailed(json.dumps(body))
        return body

    def next_event(self) -> bytes:
        return self._events.get()

    def take(self, path: str, body: bytes) -> None:
        self._answers.put((path.endswith("/response"), json.loads(body)))


@contextmanager
def runtime_api() -> Iterator[RuntimeApi]:
    """Serve the API on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            event = api.next_event()
            self._send(
                200,
                event,
                # Send every header: the client crashes if one is missing.
                {
                    "Content-Type": "application/json",
                    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
                    "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
                    "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 60_000),
                    "Lambda-Runtime-Invoked-Function-Arn": _ARN,
                },
            )

        def do_POST(self) -> None:
            api.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self._send(202, b"{}", {})

        def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | dict(headers)).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing: pytest shows the function's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api = RuntimeApi(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
