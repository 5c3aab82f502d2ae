"""Open the web service in a browser: a proxy on this machine signs the requests.

The proxy signs every request. So it refuses requests from other websites' pages, and those
that reach it by a name that is not this machine's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from cli.errors import sentence

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PAGE = "/docs"
_SECONDS = 30
"""The gateway's own limit."""
_PASSED_ON = ("Authorization", "Content-Type")
_PASSED_BACK = ("Allow", "Content-Type", "Retry-After")


def signing_proxy(url: str, region: str, credentials: Callable[[], Credentials]) -> WSGIApplication:
    """Return the application that signs requests for the web service, and passes them on.

    Parameters
    ----------
    url : str
        The web service's address.
    region : str
    credentials : callable
        Called for each request, as credentials expire. A request with its own `Authorization`
        header, such as a token, is passed on unsigned.
    """
    session = URLLib3Session(timeout=_SECONDS)

    @Request.application
    def answer(request: Request) -> Response:
        if not _is_ours(request):
            return Response(
                "Open this address on this machine, and call it from its own page.", 403
            )
        if request.path == "/":
            return redirect(PAGE)
        passed_on = AWSRequest(
            request.method,
            url.rstrip("/") + request.full_path.rstrip("?"),
            headers={name: request.headers[name] for name in _PASSED_ON if name in request.headers},
            data=request.get_data(),
        )
        try:
            if "Authorization" not in request.headers:
                SigV4Auth(credentials(), "execute-api", region).add_auth(passed_on)
            answered = session.send(passed_on.prepare())
        except BotoCoreError as error:
            return Response(f"The web service at {url} was not reached: {sentence(error)}", 502)
        headers = {
            name: answered.headers[name] for name in _PASSED_BACK if name in answered.headers
        }
        return Response(answered.content, answered.status_code, headers)

    return answer


def _is_ours(request: Request) -> bool:
    """Return whether a request names this machine as its host, and comes from no other page."""
    name = request.host.rpartition(":")[0] or request.host
    origin = request.headers.get("Origin", f"http://{request.host}")
    return name in ("127.0.0.1", "localhost") and origin == f"http://{request.host}"
