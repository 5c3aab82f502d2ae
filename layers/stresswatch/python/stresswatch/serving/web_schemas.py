"""The web service's contract: pydantic models for its OpenAPI document.

They describe; the parser in `stresswatch.contracts.posts` judges. Powertools validates a request's
structure (one record or several), and each record reaches the parser unchanged. Only this module
needs pydantic, and only the web service needs this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Field,
    JsonValue,
    RootModel,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
)

from stresswatch.contracts.posts import (
    MAXIMUM_MOMENT_LENGTH,
    MAXIMUM_NAME_LENGTH,
    TEXT_REMOVED,
)
from stresswatch.serving.web_service import MAXIMUM_LABELS, MAXIMUM_POSTS
from stresswatch.task.definition import TASK
from stresswatch.task.sections import NumericFeature
from stresswatch.text.normalisation import MAXIMUM_TEXT_LENGTH

VERSION = "1.0.0"
TITLE = TASK.title
DESCRIPTION = (
    f"{TASK.description} Answers come from the same code and model as on the stream. The "
    f"service stores no posts. **{TASK.wording.notice}** "
    "The gateway rejects unauthenticated requests, in its own format."
)

Name = Annotated[str, Field(min_length=1, max_length=MAXIMUM_NAME_LENGTH)]
Text = Annotated[str, Field(min_length=1, max_length=MAXIMUM_TEXT_LENGTH, pattern=r"\S")]
Timestamp = Annotated[
    str, Field(max_length=MAXIMUM_MOMENT_LENGTH, json_schema_extra={"format": "date-time"})
]


def _described(feature: NumericFeature) -> str:
    """Describe a numeric feature; values outside its range are accepted."""
    plausible = f" Plausible: {feature.range}." if feature.range else ""
    return f"{feature.description.rstrip('.')}.{plausible}"


def _example(feature: NumericFeature) -> list[float | None]:
    """Return the middle of a feature's plausible range, or a missing value without one."""
    if feature.minimum is None or feature.maximum is None:
        return [None]
    return [(feature.minimum + feature.maximum) / 2]


_FIELDS: dict[str, Any] = {
    **{
        feature.name: (
            float | None,
            Field(None, description=_described(feature), examples=_example(feature)),
        )
        for feature in TASK.numeric_features
    },
    TASK.fields.id: (
        Name | None,
        Field(
            None,
            description="By default its position in the request, from 0.",
            examples=["post-1"],
        ),
    ),
    TASK.fields.text: (
        Text,
        Field(
            description="At least one visible character. A notice that "
            "a post was removed or deleted, such as `[removed]`, is refused as "
            f"`{TEXT_REMOVED}`.",
            examples=["The text of a post."],
        ),
    ),
    TASK.fields.created_at: (
        JsonValue,
        Field(
            None,
            description="ISO 8601, or seconds or milliseconds since 1970. An unreadable value "
            "is dropped, here and below.",
            examples=["2026-12-01T08:00:00Z"],
        ),
    ),
    TASK.fields.source: (
        JsonValue,
        Field(
            None,
            description=f"The post's community, of 1 to {MAXIMUM_NAME_LENGTH} characters.",
            examples=["a-community"],
        ),
    ),
}
_CALLED = Field(
    description=f"{TASK.label.name(1).capitalize()}: the probability is at least "
    f"{TASK.label.threshold:g}."
)
if TYPE_CHECKING:
    _PostFields = BaseModel
    _Called = BaseModel
else:
    _PostFields = create_model("_PostFields", **_FIELDS)
    _Called = create_model("_Called", **{TASK.label.field: (bool, _CALLED)})


class Post(_PostFields):
    """A post in the stream's format; unknown fields are ignored."""

    reasons: JsonValue = Field(
        None,
        description="True to request an explanation of the prediction.",
        examples=[True],
    )


if TYPE_CHECKING:
    _NamedPost = Post
else:
    _id = Field(examples=["post-1"])
    _NamedPost = create_model("_NamedPost", __base__=Post, **{TASK.fields.id: (Name, _id)})


class LabelledPost(_NamedPost):
    """A post with the annotators' label."""

    label: Literal[0, 1] = Field(
        description=f"1 for {TASK.label.name(1)}, 0 for {TASK.label.name(0)}."
    )
    labelled_at: Timestamp | None = Field(None, description="ISO 8601; by default now.")
    confidence: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None,
        description="The annotators' confidence: the post's weight in training. 0 leaves it "
        "out of training but not of evaluation.",
    )


class Reason(BaseModel):
    """One feature's contribution to the log-odds."""

    kind: Literal["term", "lexicon", "number", "expected_number"]
    feature: str
    log_odds: float


class Reasons(BaseModel):
    """The explanation of a prediction; its parts add up to the probability's log-odds."""

    intercept: float
    features: list[Reason]
    rest: float


class Prediction(_Called):
    """The post's prediction, as on the predictions stream."""

    prediction_id: str = Field(description="Id of this answer, which is not stored.")
    post_id: str
    probability: Annotated[float, Field(ge=0, le=1)] = Field(
        description=f"Probability of {TASK.label.noun}. {TASK.wording.notice}"
    )
    model_version: str
    predicted_at: str
    reasons: Reasons | Literal["not available"] | None = Field(
        None,
        description="The explanation, if requested; `not available` with the scorer scikit-learn, "
        "whose models are not linear.",
    )


class Problem(BaseModel):
    """An error (RFC 9457), without any content of the request."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[PlacedProblem] | None = Field(
        None, description="One per invalid record, if there were several."
    )


class PlacedProblem(BaseModel):
    """An error in one record of a request."""

    place: int = Field(description="The record's position in the request, from 0.")
    type: str
    title: str
    status: int
    detail: str


class Predicted(BaseModel):
    """One post's result: a prediction or a problem."""

    prediction: Prediction | None = None
    problem: Problem | None = None


class Predictions(BaseModel):
    """The results of several posts, in order."""

    results: list[Predicted]


class Accepted(BaseModel):
    """The result of submitting labels."""

    labels: int
    new: bool = Field(description="False if the same labels were accepted before.")


class Model(BaseModel):
    """The model version in service."""

    version: str
    created_at: str
    parent: str | None
    posts: dict[str, int] = Field(description="Numbers of training and evaluation posts.")
    numeric_features: list[str] = Field(
        description="The numeric features that the model reads; empty if it was trained on text "
        "alone."
    )
    trained_for: list[str] | None = Field(
        description="The numeric features of the task that it was trained for; null if unknown."
    )
    posts_have: list[str] = Field(description="The numeric features that posts may have now.")
    notice: str | None = Field(
        description="The difference between the two; null if there is none. The model "
        "keeps serving, and imputes missing features."
    )
    metrics: dict[str, JsonValue] = Field(description="Measured on evaluation posts.")
    card: str = Field(description="S3 address of its model card.")


class Health(BaseModel):
    """A model is available."""

    status: Literal["ok"] = "ok"


def _as_it_came(record: object, _: ValidatorFunctionWrapHandler) -> object:
    return record


def _if_it_is_one(record: object, _: ValidatorFunctionWrapHandler) -> object:
    if not isinstance(record, dict):
        raise ValueError("not one record")  # noqa: TRY004 - pydantic wants this kind
    return record


AnyPost = Annotated[Post, WrapValidator(_as_it_came)]
AnyLabel = Annotated[LabelledPost, WrapValidator(_as_it_came)]


class Posts(RootModel[list[AnyPost]]):
    """Several posts."""

    root: list[AnyPost] = Field(min_length=1, max_length=MAXIMUM_POSTS)


class Labels(RootModel[list[AnyLabel]]):
    """Several labelled posts."""

    root: list[AnyLabel] = Field(min_length=1, max_length=MAXIMUM_LABELS)


OneOrMorePosts = Annotated[Post, WrapValidator(_if_it_is_one)] | Posts
OneOrMoreLabels = Annotated[LabelledPost, WrapValidator(_if_it_is_one)] | Labels
