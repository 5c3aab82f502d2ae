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
_PASSED_BACK = ("Allow", "Content-Type", "Retry-After")


def by_signature(region: str, credentials: Credentials) -> Callable[[AWSRequest], None]:
    """Authorise requests with AWS credentials, which botocore renews before they expire."""

    def sign(request: AWSRequest) -> None:
        frozen = credentials.get_frozen_credentials()
        SigV4Auth(frozen, "execute-api", region).add_auth(request)

    return sign


def by_token(token: str) -> Callable[[AWSRequest], None]:
    """Authorise requests with a token, for stages that have a token issuer."""
    return lambda request: request.headers.add_header("Authorization", f"Bearer {token}")


def signing_proxy(url: str, authorise: Callable[[AWSRequest], None]) -> WSGIApplication:
    """Return the application that authorises requests for the web service, and passes them on.

    Parameters
    ----------
    url : str
        The web service's address.
    authorise : callable
        Adds the headers of a caller whom the web service knows.
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
            headers={"Content-Type": request.content_type} if request.content_type else {},
            data=request.get_data(),
        )
        try:
            authorise(passed_on)
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
