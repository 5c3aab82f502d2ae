"""The proxy of `stresswatch api`: signs a browser's requests, and refuses other websites'."""

import pytest
from botocore.credentials import Credentials
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from cli.signing_proxy import signing_proxy
from docs.screenshot import serving

CREDENTIALS = Credentials("AKIDEXAMPLE", "secret", "token")


@pytest.fixture
def requests():
    return []


@pytest.fixture
def browser(requests):
    """A browser that has opened the proxy of a web service, which records its requests."""

    @Request.application
    def service(request):
        request.get_data()
        requests.append(request)
        return Response('{"status": "ok"}', 503, {"Retry-After": "5"}, "application/json")

    with serving(service) as url:
        yield Client(signing_proxy(url, "eu-west-1", lambda: CREDENTIALS))


def test_a_request_is_signed_with_the_caller_s_credentials(browser, requests):
    browser.post("/predict?a=b", base_url="http://127.0.0.1:8051", json={"text": "a"})
    (sent,) = requests
    assert sent.full_path == "/predict?a=b"
    assert sent.json == {"text": "a"}
    assert "Credential=AKIDEXAMPLE/" in sent.headers["Authorization"]
    assert "/eu-west-1/execute-api/aws4_request" in sent.headers["Authorization"]
    assert sent.headers["X-Amz-Security-Token"] == "token"


def test_the_answer_is_passed_back_with_its_status(browser):
    answer = browser.get("/health", base_url="http://localhost:8051")
    assert (answer.status_code, answer.json) == (503, {"status": "ok"})
    assert answer.headers["Retry-After"] == "5"


def test_a_token_is_passed_on_instead_of_a_signature(browser, requests):
    headers = {"Authorization": "Bearer abc"}
    browser.get("/health", base_url="http://localhost:8051", headers=headers)
    assert requests[0].headers["Authorization"] == "Bearer abc"
    assert "X-Amz-Security-Token" not in requests[0].headers


def test_the_address_alone_leads_to_the_page(browser, requests):
    answer = browser.get("/", base_url="http://localhost:8051")
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
def test_requests_of_another_website_s_page_are_not_signed(browser, requests, address, origin):
    headers = {"Origin": origin} if origin else {}
    answer = browser.post("/labels", base_url=address, json=[], headers=headers)
    assert answer.status_code == 403
    assert requests == []


def test_a_web_service_that_does_not_answer_is_named():
    with serving(Response("")) as url:
        pass
    browser = Client(signing_proxy(url, "eu-west-1", lambda: CREDENTIALS))
    answer = browser.get("/health", base_url="http://localhost:8051")
    assert answer.status_code == 502
    assert answer.text.startswith(f"The web service at {url} was not reached: Nothing answers at")
