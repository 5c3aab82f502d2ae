"""The web service as callers reach it: signed requests through the gateway, IAM enforced."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from cli.deployment.client import payload
from cli.deployment.target import Target
from stresswatch.aws import stack_outputs
from stresswatch.contracts.labelled_posts import labelled_post_record
from stresswatch.contracts.posts import post_record
from stresswatch.serving.web_service import MAXIMUM_POSTS, ROUTES
from stresswatch.storage import archive
from tests.conftest import make_posts
from tests.e2e.deployed import Deployed
from tests.e2e.operators import operator
from tests.e2e.policies import Policy
from tests.e2e.waiting import eventually
from tests.marker import MARKER

POSTS = make_posts(10, seed=71)
CASES_A_MODE = 30


class Caller:
    """A caller with credentials, whose requests are signed as AWS requires."""

    def __init__(self, deployed: Deployed, credentials: Callable[[], Credentials]):
        self.url = deployed.stack.outputs[stack_outputs.WEB_SERVICE_URL]
        self._region = deployed.endpoint.region
        self.credentials = credentials

    def sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request; as an `auth` of requests."""
        signed = AWSRequest(request.method, request.url, data=request.body)
        if "Content-Type" in request.headers:
            signed.headers["Content-Type"] = request.headers["Content-Type"]
        SigV4Auth(self.credentials(), "execute-api", self._region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        return request

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        json_of = {} if body is None else {"json": body}
        return requests.request(method, self.url + path, auth=self.sign, timeout=60, **json_of)


@pytest.fixture(scope="module")
def able(deployed: Deployed, retraining: dict[str, Any]) -> Iterator[tuple[Caller, Policy]]:
    """A caller with exactly the documented permissions."""
    with operator(deployed, "web-service") as (target, policy):
        yield Caller(deployed, lambda: credentials_of(target)), policy


def credentials_of(target: Target) -> Credentials:
    """Return the role's own credentials, with which each of its clients signs."""
    found = target.client("sts")._request_signer._credentials
    return Credentials(found.access_key, found.secret_key, found.token)


def test_the_api_and_the_stream_give_identical_probabilities(
    deployed: Deployed, able: tuple[Caller, Policy]
) -> None:
    caller, _ = able
    start = datetime.now(UTC)
    sent = deployed.deployment.send([payload(post) for post in POSTS])

    def streamed() -> dict[str, float] | None:
        bucket, end = deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET], datetime.now(UTC)
        rows = archive.read(deployed.client("s3"), bucket, start, end + timedelta(minutes=1))
        ids = {row["prediction_id"] for row in rows}
        return {row["post_id"]: row["probability"] for row in rows} if set(sent) <= ids else None

    answer = caller.ask("POST", "/predict", [post_record(post.post) for post in POSTS])
    assert answer.status_code == 200
    said = [one["prediction"] for one in answer.json()["results"]]
    in_stream = eventually("predictions", streamed)
    assert {one["post_id"]: one["probability"] for one in said} == {
        post.post.post_id: in_stream[post.post.post_id] for post in POSTS
    }


def test_the_api_accepts_labels_and_describes_the_model(
    deployed: Deployed, able: tuple[Caller, Policy], retraining: dict[str, Any]
) -> None:
    caller, _ = able
    labels = [labelled_post_record(post) for post in POSTS]
    answers = [caller.ask("POST", "/labels", labels).json() for _ in range(2)]
    assert answers == [{"labels": 10, "new": True}, {"labels": 10, "new": False}]
    assert caller.ask("GET", "/model").json()["version"] == retraining["gate"]["version"]
    assert caller.ask("GET", "/health").json() == {"status": "ok"}
    page = caller.ask("GET", "/docs")
    assert page.headers["Content-Type"] == "text/html"
    assert "swagger-ui" in page.text


def test_a_caller_unknown_to_iam_is_denied(deployed: Deployed, able: tuple[Caller, Policy]) -> None:
    caller, _ = able
    known = caller.credentials()
    other = Credentials(known.access_key, "another secret", known.token)
    nobody = requests.get(f"{caller.url}/health", timeout=60)
    forged = Caller(deployed, lambda: other).ask("GET", "/health")
    assert [nobody.status_code, forged.status_code] == [403, 403]


def test_each_route_needs_its_documented_permission(
    able: tuple[Caller, Policy],
) -> None:
    caller, policy = able
    routes = {f"/{method}{path}": (method, path) for method, path in ROUTES}
    assert len(policy.permissions) == len(routes)
    for permission in policy.permissions:
        method, path = routes[permission.resource.partition("$default")[2]]
        with policy.without(permission):
            assert caller.ask(method, path).status_code == 403
        assert caller.ask(method, path).status_code != 403


def test_error_responses_do_not_quote_the_request(able: tuple[Caller, Policy]) -> None:
    caller, _ = able
    said = [
        caller.ask("POST", "/predict", {"text": MARKER, "sentiment": MARKER}),
        caller.ask("POST", "/predict", [{"text": MARKER, "post_id": [MARKER]}]),
        caller.ask("POST", "/labels", [{"text": MARKER, "post_id": "a", "label": MARKER}]),
        caller.ask("POST", "/predict", MARKER),
        requests.post(f"{caller.url}/predict", f"{{{MARKER}", auth=caller.sign, timeout=60),
    ]
    assert {answer.status_code for answer in said} == {207, 415, 422}
    assert [answer.text for answer in said if MARKER in answer.text] == []


def without_long_limits(part: dict[str, Any]) -> dict[str, Any]:
    """Omit limits that take seconds to break: each has its own test."""
    limits = {"maxLength", "maxItems"}
    return {
        name: value
        for name, value in part.items()
        if not (name in limits and isinstance(value, int) and value >= MAXIMUM_POSTS)
    }


def operations(caller: Caller) -> list[schemathesis.APIOperation]:
    """Return the content of the deployed OpenAPI document."""
    # An answer of 207 reports one invalid post of several.
    statuses = {"expected-statuses": [207, 400, 403, 413, 415, 422]}
    config = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": statuses}})
    document = json.loads(caller.ask("GET", "/openapi.json").text, object_hook=without_long_limits)
    schema = schemathesis.openapi.from_dict(document, config=config)
    return [found.ok() for found in schema.get_all_operations()]


def test_responses_conform_to_the_openapi_document(
    able: tuple[Caller, Policy],
) -> None:
    """Schemathesis makes requests that the document allows, and others, and judges the answers."""
    caller, _ = able
    tried: Counter[tuple[str, int]] = Counter()
    for operation in operations(caller):
        modes = list(GenerationMode) if operation.body else [GenerationMode.POSITIVE]
        for mode in modes:

            @settings(
                max_examples=CASES_A_MODE if operation.body else 1,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: schemathesis.Case) -> None:
                answer = case.call(base_url=caller.url, auth=caller.sign)
                # It sends other credentials, which the signature replaces; see above.
                excluded = [ignored_auth]
                if "labelled_at_in_future" in answer.text:  # no schema can say what time it is
                    excluded.append(positive_data_acceptance)
                case.validate_response(answer, excluded_checks=excluded)
                tried[case.operation.label, answer.status_code] += 1

            check()
    assert {route for route, _ in tried} == {
        "GET /health", "GET /model", "POST /labels", "POST /predict",
    }  # fmt: skip
    assert {("POST /predict", 200), ("POST /predict", 422), ("POST /labels", 422)} <= tried.keys()
    assert sum(tried.values()) >= 2 * CASES_A_MODE
