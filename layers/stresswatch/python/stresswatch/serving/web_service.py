"""The web service's answers: predictions, accepted labels, and problems (RFC 9457).

A problem names the broken rule of the contract, and never quotes the request.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from stresswatch.aws.s3 import Location
from stresswatch.contracts.labelled_posts import LabelledPost, parse_record
from stresswatch.contracts.posts import NUMERIC_FEATURES, InvalidPost, Post, decode, read_post
from stresswatch.contracts.predictions import Prediction, prediction_id
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.storage.training_sets import check_given
from stresswatch.versions.champion import Pointer, ServedModel
from stresswatch.versions.model_version import CARD_PAGE_FILE, Manifest

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response

ROUTES = (
    ("POST", "/predict"),
    ("POST", "/labels"),
    ("GET", "/model"),
    ("GET", "/health"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
)
MAXIMUM_POSTS = 100
"""Maximum posts per request."""
MAXIMUM_LABELS = 1000
"""Maximum labels per request."""
MAXIMUM_BODY_BYTES = 2 * 1024 * 1024
"""A third of Lambda's limit for an event, in which every quotation mark of a body is escaped."""

_MEDIA_TYPE = "application/json"
_PROBLEM_TYPE = "urn:stresswatch:problem:"


class Problem(Exception):
    """The error answer to a request, or to one of its posts.

    Attributes
    ----------
    status : int
        HTTP status.
    reason : str
        A machine-readable word, such as ``text_too_long``.
    detail : str
        A sentence for people, which never quotes the request.
    errors : sequence of dict
        The errors of single records, if the request had several.
    headers : mapping
        Additional HTTP headers.
    """

    def __init__(
        self,
        status: HTTPStatus,
        reason: str,
        detail: str,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(f"{reason}: {detail}")
        self.status = status
        self.reason = reason
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    def as_dict(self) -> dict[str, Any]:
        """Return the members of RFC 9457."""
        members = {
            "type": f"{_PROBLEM_TYPE}{self.reason}",
            "title": self.reason.replace("_", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
        }
        return members | ({"errors": list(self.errors)} if self.errors else {})

    @staticmethod
    def of(invalid: InvalidPost) -> Problem:
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, invalid.reason, invalid.detail)


BODY_INVALID = Problem(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "body_invalid",
    "a body is one record, or a non-empty array of at most "
    f"{MAXIMUM_POSTS} posts or {MAXIMUM_LABELS:,} labels",
)
UNAVAILABLE = Problem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "unavailable",
    "the service is unavailable; try again later",
    headers={"Retry-After": "30"},
)
INTERNAL = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "the service failed; see its log")


def no_json(reason: str) -> Problem:
    """Return the problem for an unreadable body."""
    return Problem(HTTPStatus.BAD_REQUEST, reason, "the request's body must be JSON in UTF-8")


def no_route(path: str) -> Problem:
    """Return the problem for an unknown path, or an unsupported method."""
    if methods := [method for method, known in ROUTES if known == path]:
        return Problem(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method_not_allowed",
            f"the path takes {', '.join(methods)}",
            headers={"Allow": ", ".join(methods)},
        )
    return Problem(HTTPStatus.NOT_FOUND, "not_found", "unknown path")


def check_body(content_type: str, body: str, *, is_base64: bool) -> None:
    """Check a body's size, type and encoding before it is decoded.

    Raises
    ------
    Problem
        413, 415 or 400, when the body is too large, has another type, or is not JSON.
    """
    data = base64.b64decode(body) if is_base64 else body.encode("utf-8", "surrogatepass")
    if len(data) > MAXIMUM_BODY_BYTES:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "body_too_large",
            f"a request has at most {MAXIMUM_BODY_BYTES:,} bytes; send fewer records at a time",
        )
    if content_type.partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "media_type_unsupported",
            f"the request's Content-Type must be {_MEDIA_TYPE}",
        )
    try:
        decode(data)
    except InvalidPost as error:
        raise no_json(error.reason) from None


Score = Callable[[Sequence[Post]], Sequence[Prediction]]


def answer_each(records: Sequence[object], score: Score) -> list[Prediction | Problem]:
    """Answer each record with its prediction or its problem, in order.

    Records follow the stream's contract; one without an id gets its position, from 0. Valid posts
    are scored in one pass.
    """
    read = [_read(record, str(place)) for place, record in enumerate(records)]
    posts = [one for one in read if isinstance(one, Post)]
    predictions = iter(score(posts) if posts else ())
    return [next(predictions) if isinstance(one, Post) else one for one in read]


def _read(record: object, place: str) -> Post | Problem:
    try:
        return read_post(record, default_post_id=place)
    except InvalidPost as error:
        return Problem.of(error)


def predict_posts(
    posts: Sequence[Post], served: ServedModel, request_id: str, explains: ReasonsPolicy
) -> list[Prediction]:
    """Predict posts as the predictor does; ids combine the request's id and the position."""
    named = [(prediction_id("web", request_id, str(place)), one) for place, one in enumerate(posts)]
    return served.predict(named, datetime.now(UTC), explains)


def message(prediction: Prediction) -> dict[str, Any]:
    """Return a prediction in the predictions stream's format."""
    said: dict[str, Any] = json.loads(prediction.message())
    return said


def several(results: Sequence[Prediction | Problem]) -> tuple[HTTPStatus, dict[str, Any]]:
    """Return status and body of an answer to several posts."""
    listed = [
        {"problem": one.as_dict()} if isinstance(one, Problem) else {"prediction": message(one)}
        for one in results
    ]
    is_mixed = any(isinstance(one, Problem) for one in results)
    return HTTPStatus.MULTI_STATUS if is_mixed else HTTPStatus.OK, {"results": listed}


def read_labels(records: Sequence[object], now: datetime) -> list[LabelledPost]:
    """Read labelled posts: all of them, or none.

    Raises
    ------
    Problem
        With one of its `errors` per record that breaks the contract or whose label is from the
        future.
    """
    labels: list[LabelledPost] = []
    errors: list[dict[str, Any]] = []
    for place, record in enumerate(records):
        try:
            labelled = parse_record(record)
            check_given(labelled, now)
            labels.append(labelled)
        except InvalidPost as error:
            errors.append({"place": place, **Problem.of(error).as_dict()})
    if errors:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "labels_invalid",
            f"{len(errors)} of {len(records)} labels break the contract; none was accepted",
            errors,
        )
    return labels


def describe_model(pointer: Pointer, manifest: Manifest) -> Mapping[str, Any]:
    """Describe the active version: its posts, metrics and model card."""
    folder = Location.parse(pointer.uri)
    change = manifest.task_change
    return {
        "version": manifest.version,
        "created_at": manifest.created_at,
        "parent": manifest.parent or None,
        "posts": manifest.posts,
        "numeric_features": manifest.selected_features,
        "trained_for": manifest.numeric_features,
        "posts_have": NUMERIC_FEATURES,
        "notice": str(change) if change else None,
        "metrics": manifest.metrics["overall"],
        "card": str(folder / CARD_PAGE_FILE),
    }


def for_phones(page: Response[str]) -> Response[str]:
    """Let a phone show the documentation at its own width: Powertools' page lacks the tag."""
    tag = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    page.body = (page.body or "").replace("<head>", f"<head>{tag}", 1)
    return page
