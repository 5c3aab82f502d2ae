"""The web service's contract for machines: pydantic models, which its OpenAPI document is made of.

They describe; the parser of `stresswatch.contracts.posts` judges. Powertools validates what a
request is made of (one record or so many), and every record reaches the parser as it came. Only
this module needs pydantic, and only the web service needs this module.
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
    f"{TASK.description} It answers as the stream does: by the same code and model. Nothing of a "
    f"post is kept. **{TASK.wording.notice}** "
    "A request that nobody is known to have sent is refused by the gateway, in a form of its own."
)

Name = Annotated[str, Field(min_length=1, max_length=MAXIMUM_NAME_LENGTH)]
Text = Annotated[str, Field(min_length=1, max_length=MAXIMUM_TEXT_LENGTH, pattern=r"\S")]
Moment = Annotated[
    str, Field(max_length=MAXIMUM_MOMENT_LENGTH, json_schema_extra={"format": "date-time"})
]


def _described(feature: NumericFeature) -> str:
    """Say what a number means; its range describes, and no value is refused for it."""
    plausible = f" Plausible: {feature.range}." if feature.range else ""
    return f"{feature.description.rstrip('.')}.{plausible}"


_FIELDS: dict[str, Any] = {
    **{
        feature.name: (float | None, Field(None, description=_described(feature)))
        for feature in TASK.numeric_features
    },
    TASK.fields.id: (
        Name | None,
        Field(None, description="By default its place in the request, from 0."),
    ),
    TASK.fields.text: (
        Text,
        Field(
            description="At least one character that is neither blank nor invisible. A notice that "
            "a post was removed or deleted, such as `[removed]`, is refused as "
            f"`{TEXT_REMOVED}`."
        ),
    ),
    TASK.fields.created_at: (
        JsonValue,
        Field(
            None,
            description="ISO 8601, or seconds or milliseconds since 1970. One that cannot be read "
            "is dropped, here and below.",
        ),
    ),
    TASK.fields.source: (
        JsonValue,
        Field(
            None,
            description="The community that the post comes from, of 1 to "
            f"{MAXIMUM_NAME_LENGTH} characters.",
        ),
    ),
}
_CALLED = Field(
    description=f"{TASK.label.name(1).capitalize()}: from a probability of "
    f"{TASK.label.threshold:g} on."
)
if TYPE_CHECKING:
    _PostFields = BaseModel
    _Called = BaseModel
else:
    _PostFields = create_model("_PostFields", **_FIELDS)
    _Called = create_model("_Called", **{TASK.label.field: (bool, _CALLED)})


class Post(_PostFields):
    """A post, as a producer would put it on the stream; unknown fields are ignored."""

    reasons: JsonValue = Field(
        None, description="True or false: ask for what moved the prediction."
    )


if TYPE_CHECKING:
    _NamedPost = Post
else:
    _NamedPost = create_model("_NamedPost", __base__=Post, **{TASK.fields.id: (Name, ...)})


class LabelledPost(_NamedPost):
    """A post with the annotators' verdict."""

    label: Literal[0, 1] = Field(
        description=f"1 for {TASK.label.name(1)}, 0 for {TASK.label.name(0)}."
    )
    labelled_at: Moment | None = Field(None, description="ISO 8601; by default now.")
    confidence: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None,
        description="How sure the annotators were: the post's weight in training; 0 leaves it "
        "out of training, not of evaluation.",
    )


class Reason(BaseModel):
    """One feature's share in the log-odds."""

    kind: Literal["term", "lexicon", "number", "expected_number"]
    feature: str
    log_odds: float


class Reasons(BaseModel):
    """What moved a prediction; all of it adds up to the log-odds of the probability."""

    intercept: float
    features: list[Reason]
    rest: float


class Prediction(_Called):
    """What the predictions stream would say of the post."""

    prediction_id: str = Field(description="Names this answer; nothing of it is kept.")
    post_id: str
    probability: Annotated[float, Field(ge=0, le=1)] = Field(
        description=f"Of {TASK.label.noun}. {TASK.wording.notice}"
    )
    model_version: str
    predicted_at: str
    reasons: Reasons | Literal["not available"] | None = Field(
        None,
        description="What moved it, if the post asks for that; `not available` where scikit-learn "
        "scores, as the model is not linear.",
    )


class Problem(BaseModel):
    """What went wrong (RFC 9457), without anything of what was sent."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[PlacedProblem] | None = Field(None, description="By record, where it had several.")


class PlacedProblem(BaseModel):
    """What is wrong with one record of a request."""

    place: int = Field(description="Of the record in the request, from 0.")
    type: str
    title: str
    status: int
    detail: str


class Predicted(BaseModel):
    """One post's answer: a prediction, or a problem."""

    prediction: Prediction | None = None
    problem: Problem | None = None


class Predictions(BaseModel):
    """The answers to several posts, in their order."""

    results: list[Predicted]


class Taken(BaseModel):
    """What became of labels."""

    labels: int
    new: bool = Field(description="False where the same labels were taken before.")


class Model(BaseModel):
    """The model version that serves."""

    version: str
    created_at: str
    parent: str | None
    posts: dict[str, int] = Field(description="Learned from, and measured on.")
    numeric_features: list[str] = Field(
        description="The numbers of a post that the model reads; none where it learned from text "
        "alone."
    )
    trained_for: list[str] | None = Field(
        description="The numeric features of the task that it was trained for; null where it does "
        "not say."
    )
    posts_have: list[str] = Field(description="The numeric features that posts may have now.")
    notice: str | None = Field(
        description="How the two differ; null where they are the same. The model goes on serving, "
        "and imputes what posts have no more."
    )
    metrics: dict[str, JsonValue] = Field(description="On posts that it had not seen.")
    card: str = Field(description="Where its card is, for those who may read it.")


class Health(BaseModel):
    """There is a model to serve with."""

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
