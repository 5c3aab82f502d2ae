"""Web service: predicts posts, accepts labels, describes the active model, reports its health."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import boto3
from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.models import APIKey, APIKeyIn, HTTPBearer
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from stresswatch.aws.redaction import cause, redact_errors, unforeseen
from stresswatch.aws.s3 import Location, read
from stresswatch.contracts.posts import InvalidPost, Post, decode
from stresswatch.contracts.predictions import Prediction
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.serving import web_schemas, web_service
from stresswatch.serving.environments import ApiEnvironment
from stresswatch.serving.label_requests import write_labels
from stresswatch.serving.web_service import Problem
from stresswatch.versions.champion import (
    ChampionCache,
    ChampionUnavailable,
    Pointer,
    load_champion,
    read_pointer,
)
from stresswatch.versions.model_version import MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client

logger = Logger()


def _decode(body: str) -> Any:
    """Decode the body that `check_body` decoded, by the same rules."""
    return decode(body.encode())


app = APIGatewayHttpResolver(enable_validation=False, json_body_deserializer=_decode)

# A call that hangs must leave time to respond.
_AWS = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 2})


@dataclass(frozen=True)
class Service:
    """The web service's dependencies."""

    stage: str
    champion: ChampionCache
    s3: S3Client
    training_bucket: str
    explains: ReasonsPolicy


@cache
def service() -> Service:
    """Build the service once per execution environment, from all of its variables."""
    environment = ApiEnvironment.parse(os.environ)
    s3, ssm = boto3.client("s3", config=_AWS), boto3.client("ssm", config=_AWS)
    parameter = environment.champion_parameter
    return Service(
        stage=environment.stage,
        champion=ChampionCache(
            read=lambda: read_pointer(ssm, parameter),
            load=lambda pointer: load_champion(s3, pointer, environment.scorer, logger.warning),
            ttl_seconds=environment.champion_ttl_seconds,
            on_load_failure=lambda error: logger.error(
                "model load failed", cause=type(error).__name__
            ),
        ),
        s3=s3,
        training_bucket=environment.training_bucket,
        explains=environment.reasons,
    )


@lru_cache(maxsize=1)
def manifest_of(pointer: Pointer) -> Manifest:
    """Read a version's files, which never change."""
    return Manifest.from_bytes(read(service().s3, Location.parse(pointer.uri) / MANIFEST_FILE))


def _answers(model: Any, description: str, *problems: HTTPStatus) -> dict[int, Any]:
    """Describe a route's answer, and its possible problems, for OpenAPI."""
    described: dict[int, Any] = {
        HTTPStatus.OK: {"description": description, "content": {_JSON: {"model": model}}}
    }
    for status in (*problems, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE):
        content = {_PROBLEM: {"model": web_schemas.Problem}}
        described[status] = {"description": status.phrase, "content": content}
    return described


_JSON, _PROBLEM = "application/json", "application/problem+json"
_OF_A_BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


@app.post(
    "/predict",
    enable_validation=True,
    summary="Predict one or several posts",
    description="Several posts are answered in order, each with a prediction or a problem.",
    responses=_answers(
        web_schemas.Prediction | web_schemas.Predictions,
        "The prediction of every post.",
        *_OF_A_BODY,
    )
    | {
        HTTPStatus.MULTI_STATUS: {
            "description": "At least one of several posts has a problem instead of a prediction.",
            "content": {_JSON: {"model": web_schemas.Predictions}},
        }
    },
)
def predict(body: Annotated[web_schemas.OneOrMorePosts, Body()]) -> Response[str]:
    records = body.root if isinstance(body, web_schemas.Posts) else [body]
    results = web_service.answer_each(records, _score)
    refused = sum(isinstance(one, Problem) for one in results)
    _count(metric_names.POSTS_PREDICTED, len(results) - refused)
    _count(metric_names.POSTS_REJECTED, refused)
    if isinstance(body, web_schemas.Posts):
        return _json(*web_service.several(results))
    (result,) = results
    if isinstance(result, Problem):
        raise result
    return _json(HTTPStatus.OK, web_service.message(result))


def _score(posts: Sequence[Post]) -> Sequence[Prediction]:
    served = service().champion.current()
    request_id = app.current_event.request_context.request_id
    return web_service.predict_posts(posts, served, request_id, service().explains)


@app.post(
    "/labels",
    enable_validation=True,
    summary="Submit labels for one or several posts",
    description="Retraining and live quality use them. Either all are accepted, or none.",
    responses=_answers(web_schemas.Accepted, "All were accepted, now or earlier.", *_OF_A_BODY),
)
def label(body: Annotated[web_schemas.OneOrMoreLabels, Body()]) -> Response[str]:
    now = datetime.now(UTC)
    records = body.root if isinstance(body, web_schemas.Labels) else [body]
    labels = web_service.read_labels(records, now)
    is_new = write_labels(service().s3, service().training_bucket, labels, now)
    _count(metric_names.LABELS_ACCEPTED, len(labels) if is_new else 0)
    return _json(HTTPStatus.OK, {"labels": len(labels), "new": is_new})


@app.get(
    "/model",
    summary="Describe the active model version",
    responses=_answers(web_schemas.Model, "The version and its metrics."),
)
def model() -> Response[str]:
    served = service().champion.current()
    described = web_service.describe_model(served.pointer, manifest_of(served.pointer))
    return _json(HTTPStatus.OK, described)


@app.get(
    "/health",
    summary="Check that a model is available",
    responses=_answers(web_schemas.Health, "There is."),
)
def health() -> Response[str]:
    service().champion.current()
    return _json(HTTPStatus.OK, {"status": "ok"})


DOCUMENT: dict[str, Any] = {
    "title": web_schemas.TITLE,
    "version": web_schemas.VERSION,
    "description": web_schemas.DESCRIPTION,
    "security_schemes": {
        "iam": APIKey.model_validate(
            {
                "in": APIKeyIn.header,
                "name": "Authorization",
                "description": "AWS Signature Version 4 for `execute-api`; by default.",
            }
        ),
        "jwt": HTTPBearer(bearerFormat="JWT", description="If the stage has a token issuer."),
    },
    "security": [{"iam": []}, {"jwt": []}],
}
"""The OpenAPI document's fields besides the routes."""

_PAGE = [lambda app, route: web_service.for_phones(route(app))]
app.enable_swagger(path="/docs", compress=True, middlewares=_PAGE, **DOCUMENT)


@app.get("/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    return Response(HTTPStatus.OK, _JSON, app.get_openapi_json_schema(**DOCUMENT))


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def answer_error(error: Exception) -> Response[str]:
    """Answer any error with a problem; log those that callers cannot fix."""
    match error:
        case Problem():
            problem = error
        case RequestValidationError():
            problem = web_service.BODY_INVALID
        case InvalidPost() | RecursionError():
            # Powertools parses the body deeper in the stack than `check_body` did.
            problem = web_service.no_json("not_json")
        case NotFoundError():
            problem = web_service.no_route(app.current_event.path)
        case ChampionUnavailable():
            logger.warning("unavailable", cause=str(error))
            problem = web_service.UNAVAILABLE
        case BotoCoreError() | ClientError():
            logger.warning("unavailable", cause=cause(error))
            problem = web_service.UNAVAILABLE
        case _:
            logger.error("unforeseen", cause=str(unforeseen(error)))
            problem = web_service.INTERNAL
    return Response(problem.status, _PROBLEM, json.dumps(problem.as_dict()), {**problem.headers})


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request from API Gateway, and log its outcome without any of its content.

    Raises
    ------
    stresswatch.aws.environment.InvalidEnvironment
    """
    service()  # report an invalid environment first, for any route
    route = event["routeKey"]
    try:
        if route.startswith("POST "):
            web_service.check_body(
                event["headers"].get("content-type", ""),
                event.get("body", ""),
                is_base64=event["isBase64Encoded"],
            )
            # Powertools recognises the media type in lower case only.
            event = {**event, "headers": {**event["headers"], "content-type": _JSON}}
        answer = app.resolve(event, context)
    except Problem as problem:
        # Before Powertools decodes the body, because it passes its decoder's errors on.
        answer = {
            "statusCode": problem.status,
            "headers": {"Content-Type": _PROBLEM},
            "body": json.dumps(problem.as_dict()),
        }
    logger.info("answered", route=route, status=answer["statusCode"])
    if answer["statusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _count(
            metric_names.SERVER_ERRORS,
            1,
            **{dimension_names.CODE_VERSION: context.function_version},
        )
    return answer


def _json(status: int, body: Mapping[str, Any]) -> Response[str]:
    return Response(status, _JSON, json.dumps(body))


def _count(name: str, value: int, **more: str) -> None:
    dimensions = {
        dimension_names.STAGE: service().stage,
        dimension_names.SERVICE: "api",
        **more,
    }
    with single_metric(name, MetricUnit.Count, value, default_dimensions=dimensions):
        pass
