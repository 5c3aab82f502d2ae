"""The web service: its callers, its limits, and the gateway's access log."""

import json

import pytest

from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.stages import STAGES
from cdk_app.settings.web_service import Jwt, WebService
from stresswatch.aws import stack_outputs
from stresswatch.serving.web_service import ROUTES
from tests.infrastructure.conftest import synthesize

ISSUER = "https://login.example.org/realms/research"


@pytest.fixture(scope="module")
def with_tokens(tmp_path_factory):
    """The template of a stage whose callers send tokens."""
    service = WebService(
        jwt=Jwt(issuer=ISSUER, audience=("stresswatch",)), requests_per_second=7, burst=9
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STAGES, "dev", STAGES["dev"].changed(web_service=service))
        return synthesize("dev", tmp_path_factory.mktemp("tokens"))


def routes(template):
    return {
        properties["RouteKey"]: properties
        for properties in template.properties("AWS::ApiGatewayV2::Route")
    }


def test_the_gateway_has_the_functions_routes_and_a_catch_all(template):
    assert set(routes(template)) == {f"{method} {path}" for method, path in ROUTES} | {
        "ANY /{proxy+}"
    }


def test_every_route_uses_iam_authorization(template):
    assert {route["AuthorizationType"] for route in routes(template).values()} == {"AWS_IAM"}


def test_every_route_can_require_a_token_from_the_issuer(with_tokens):
    assert {route["AuthorizationType"] for route in routes(with_tokens).values()} == {"JWT"}
    (authorizer,) = with_tokens.properties("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["JwtConfiguration"] == {"Issuer": ISSUER, "Audience": ["stresswatch"]}
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]


def test_requests_are_throttled_to_the_stages_limits(template, with_tokens):
    for synthesized, limits in ((template, (50, 100)), (with_tokens, (7, 9))):
        (stage,) = synthesized.properties("AWS::ApiGatewayV2::Stage")
        settings = stage["DefaultRouteSettings"]
        assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == limits


def test_the_access_log_is_encrypted_and_omits_request_content(template, with_tokens):
    for synthesized, caller in (
        (template, "$context.identity.userArn"),
        (with_tokens, "$context.authorizer.claims.sub"),
    ):
        (stage,) = synthesized.properties("AWS::ApiGatewayV2::Stage")
        logged = json.loads(stage["AccessLogSettings"]["Format"])
        assert logged["caller"] == caller
        # Parts that may hold a caller's words: path, query, headers, error messages.
        assert set(logged.values()) - {caller} == {
            "$context.requestId",
            "$context.requestTime",
            "$context.routeKey",
            "$context.status",
            "$context.responseLength",
            "$context.responseLatency",
            "$context.integrationLatency",
            "$context.error.responseType",
        }
        group = stage["AccessLogSettings"]["DestinationArn"]["Fn::GetAtt"][0]
        assert "KmsKeyId" in synthesized.body["Resources"][group]["Properties"]


def test_only_this_api_may_invoke_the_function(template):
    (permission,) = [
        found
        for found in template.properties("AWS::Lambda::Permission")
        if found["Principal"] == "apigateway.amazonaws.com"
    ]
    assert "WebServiceApi" in json.dumps(permission["SourceArn"])


def test_a_stage_without_a_web_service_has_no_api(staging, production):
    for synthesized in (staging, production):
        kinds = {resource["Type"] for resource in synthesized.body["Resources"].values()}
        assert [kind for kind in kinds if "ApiGateway" in kind] == []
        assert stack_outputs.WEB_SERVICE_URL not in synthesized.body["Outputs"]


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (
            lambda: Jwt(issuer="http://login.example.org", audience=("a",)),
            "it must begin with https://",
        ),
        (lambda: Jwt(issuer=ISSUER, audience=()), "audience is \\(\\)"),
        (lambda: Jwt(issuer=ISSUER, audience=("",)), "it must be a tuple of names"),
        (lambda: Jwt(issuer=ISSUER, audience="stresswatch"), "it must be a tuple of names"),
        (lambda: WebService(burst=0), "burst is 0; it must be between 1 and"),
        (lambda: WebService(concurrency=0), "concurrency is 0"),
    ],
)
def test_invalid_token_issuers_audiences_and_limits_are_rejected(make, what):
    with pytest.raises(InvalidStage, match=what):
        make()
