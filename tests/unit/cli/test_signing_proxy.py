"""The proxy of `stresswatch api`: signs a browser's requests, and refuses other websites'."""

import pytest
from botocore.credentials import Credentials
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from cli.signing_proxy import by_signature, by_token, signing_proxy
from docs.browser import serving

PAGE = "http://localhost:8051"
SIGN = by_signature("eu-west-1", Credentials("AKIDEXAMPLE", "secret", "token"))


@pytest.fixture
def requests():
    return []


@pytest.fixture
def service(requests):
    """The address of a web service that records its requests."""

    @Request.application
    def answer(request):
        request.get_data()
        requests.append(request)
        return Response('{"status": "ok"}', 503, {"Retry-After": "5"}, "application/json")

    with serving(answer) as url:
        yield url


@pytest.fixture
def browser(service):
    """A browser that has opened the proxy."""
    return Client(signing_proxy(service, SIGN))


def test_a_request_is_signed_with_the_callers_credentials(browser, requests):
    browser.post("/predict?a=b", base_url="http://127.0.0.1:8051", json={"text": "a"})
    (sent,) = requests
    assert sent.full_path == "/predict?a=b"
    assert sent.json == {"text": "a"}
    assert "Credential=AKIDEXAMPLE/" in sent.headers["Authorization"]
    assert "/eu-west-1/execute-api/aws4_request" in sent.headers["Authorization"]
    assert sent.headers["X-Amz-Security-Token"] == "token"


def test_the_response_is_passed_back_with_its_status_and_headers(browser):
    answer = browser.get("/health", base_url=PAGE)
    assert (answer.status_code, answer.json) == (503, {"status": "ok"})
    assert answer.headers["Retry-After"] == "5"


def test_a_token_replaces_the_signature(service, requests):
    answer = Client(signing_proxy(service, by_token("abc"))).get("/health", base_url=PAGE)
    assert answer.status_code == 503
    assert requests[0].headers["Authorization"] == "Bearer abc"
    assert "X-Amz-Security-Token" not in requests[0].headers


def test_the_pages_own_authorization_header_is_replaced(browser, requests):
    browser.get("/health", base_url=PAGE, headers={"Authorization": "of the page"})
    assert requests[0].headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")


def test_the_root_path_redirects_to_the_docs(browser, requests):
    answer = browser.get("/", base_url=PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/docs")
    assert requests == []


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("http://127.0.0.1:8051", "https://elsewhere.example"),
        ("http://127.0.0.1:8051", "http://127.0.0.1:8050"),
        ("http://127.0.0.1:8051", "null"),
        ("http://elsewhere.example:8051", None),
        ("http://elsewhere.example", None),
        ("http://127.0.0.1.elsewhere.example:8051", None),
    ],
)
def test_requests_from_other_websites_are_denied(browser, requests, address, origin):
    headers = {"Origin": origin} if origin else {}
    answer = browser.post("/labels", base_url=address, json=[], headers=headers)
    assert answer.status_code == 403
    assert requests == []


def test_an_unreachable_web_service_is_named():
    with serving(Response("")) as url:
        pass
    browser = Client(signing_proxy(url, SIGN))
    answer = browser.get("/health", base_url=PAGE)
    assert answer.status_code == 502
    assert answer.text.startswith(f"The web service at {url} was not reached: Nothing answers at")
