"""The rest of the web service on moto: routes, health, documents and errors."""

import json
from html.parser import HTMLParser

import lambdas.api.handler as api
from stresswatch.serving.web_service import ROUTES
from tests.integration.conftest import CONTEXT, ENVIRONMENT
from tests.integration.web_service.requests import POSTS, ask, post


def test_other_paths_are_not_found_and_other_methods_not_allowed(aws):
    assert (ask("GET", "/nothing").status, ask("GET", "/nothing").reason) == (404, "not_found")
    answer = ask("PUT", "/predict")
    assert (answer.status, answer.reason) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


def test_without_a_champion_it_says_when_to_retry(aws):
    answers = [post("/predict", POSTS[0]), ask("GET", "/model"), ask("GET", "/health")]
    assert {(one.status, one.reason) for one in answers} == {(503, "unavailable")}
    assert all(int(one.headers["retry-after"]) > 0 for one in answers)


def test_health_is_ok_and_the_model_is_described_from_its_manifest(aws, champion, version_files):
    assert (ask("GET", "/health").status, ask("GET", "/health").body) == (200, {"status": "ok"})
    manifest = json.loads(version_files["manifest.json"])
    described = ask("GET", "/model").body
    assert described["version"] == "v1"
    assert described["metrics"] == manifest["metrics"]["overall"]
    assert described["card"] == "s3://models/models/v1/model_card.html"


def test_the_service_follows_the_champion(aws, champion, version_files, monkeypatch):
    monkeypatch.setenv("CHAMPION_TTL_SECONDS", "0")
    assert post("/predict", POSTS[0]).body["model_version"] == "v1"
    aws.promote("v2", version_files)
    assert post("/predict", POSTS[0]).body["model_version"] == "v2"


def test_an_unexpected_error_is_a_problem_without_details(aws, champion, monkeypatch):
    def fail(*_):
        raise ValueError("could not convert string to float: 'words'")

    monkeypatch.setattr(api.web_service, "predict_posts", fail)
    answer = post("/predict", POSTS[0])
    assert (answer.status, answer.reason) == (500, "internal")
    assert "words" not in answer.text


class _Addresses(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found += [(tag, value) for name, value in attributes if name in {"src", "href"}]


def test_the_documentation_page_is_self_contained(aws):
    answer = ask("GET", "/docs")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html")
    assert "swagger-ui" in answer.text
    assert _Addresses(answer.text).found == []
    assert '<meta name="viewport" content="width=device-width' in answer.text


def test_the_openapi_document_has_the_routes_of_the_gateway(aws):
    document = ask("GET", "/openapi.json").body
    assert document["openapi"].startswith("3.1")
    documented = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert documented == set(ROUTES) - {("GET", "/openapi.json"), ("GET", "/docs")}
    for method, path in ROUTES:
        assert ask(method, path).status not in (404, 405)


def test_server_errors_are_counted_per_code_version(aws, champion, capsys):
    def counted():
        lines = capsys.readouterr().out.splitlines()
        return [json.loads(line) for line in lines if "ServerErrors" in line]

    assert post("/predict", POSTS[0]).status == 200
    assert post("/predict", {"text": 1}).status == 422
    assert not counted()
    api.service.cache_clear()
    aws.ssm.delete_parameter(Name=ENVIRONMENT["CHAMPION_PARAMETER"])
    assert post("/predict", POSTS[0]).status == 503
    (record,) = counted()
    (dimensions,) = record["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    assert set(dimensions) == {"Stage", "service", "version"}
    assert (record["service"], record["version"]) == ("api", CONTEXT.function_version)
