"""The prediction, its archive row, and the batch that turns records into both.

Everything here is pure: records and a model in, predictions, archive rows and rejections out.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _encode
from typing import Any, NamedTuple

from stresswatch.contracts.posts import NUMERIC_FEATURES, InvalidPost, Post, parse_post
from stresswatch.contracts.reasons import NoReasons, Reasons
from stresswatch.contracts.sampling import Draw
from stresswatch.task.definition import TASK

DECISION_THRESHOLD = TASK.label.threshold
TEXT_DESCRIPTORS = (
    "text_length",
    "out_of_vocabulary_share",
    "non_letter_share",
    "text_sentiment",
    "word_rarity",
)
"""What the archive keeps of a text: numbers that say how it looks, never what it says."""
REFERENCE_COLUMNS = (*NUMERIC_FEATURES, *TEXT_DESCRIPTORS, "probability")
"""The columns of an archive row that a version's reference keeps."""
MISSING_SHARE = "missing_share"
"""Of a post's numbers, those that it lacks: a column that is made of the others."""
PREDICTION_CONFIDENCE = "prediction_confidence"
"""How sure the model is of its answer, either class, from 0.5 to 1: made of the probability."""
DRIFT_COLUMNS = (*REFERENCE_COLUMNS, PREDICTION_CONFIDENCE, MISSING_SHARE)
"""The columns that drift is measured on."""

_MESSAGE_FIELDS = {
    "prediction_id": str,
    "post_id": str,
    TASK.label.field: bool,
    "probability": float,
    "model_version": str,
    "predicted_at": str,
}
ARCHIVE_COLUMNS: Mapping[str, type] = {
    **_MESSAGE_FIELDS,
    "source": str,
    "created_at": str,
    "text_digest": str,
    "inclusion_probability": float,
    "sample": str,
    **dict.fromkeys((*NUMERIC_FEATURES, *TEXT_DESCRIPTORS), float),
}
"""What an archive row holds, in its order, and of what type; the posts' own may be null, and so may
the digest of the text, which rows of earlier releases lack. `inclusion_probability` is null while
no posts are drawn for labelling, and `sample` for a post that was not drawn."""

# A template is twice as fast as building a dictionary and encoding it, with the same outcome.
_FIELDS = ", ".join(f'"{name}": %s' for name in _MESSAGE_FIELDS)
_ARCHIVE_LINE = (
    "{%s"
    + "".join(f', "{name}": %s' for name in ARCHIVE_COLUMNS if name not in _MESSAGE_FIELDS)
    + "}"
)

_NOT_DRAWN = ("null", "null")


def prediction_id(stream: str, shard: str, sequence_number: str) -> str:
    """Name the prediction of a record by the record's place, so that a redelivery has the same."""
    position = f"{stream}/{shard}/{sequence_number}"
    return hashlib.sha256(position.encode()).hexdigest()[:32]


class Record(NamedTuple):
    """One record of the posts stream, with its place there.

    Attributes
    ----------
    arrival : float
        When the stream took the record, in seconds since the epoch.
    """

    data: bytes
    stream: str
    shard: str
    sequence_number: str
    arrival: float

    @property
    def prediction_id(self) -> str:
        return prediction_id(self.stream, self.shard, self.sequence_number)

    @property
    def arrived_at(self) -> datetime:
        return datetime.fromtimestamp(self.arrival, UTC)


class Prediction(NamedTuple):
    """What the model says of one post, and what the archive remembers of the post.

    Attributes
    ----------
    probability : float
        Of the positive class, between 0 and 1.
    descriptors : tuple of float
        One value for each of `TEXT_DESCRIPTORS`, in that order.
    text_digest : str or None
        What the archive tells texts apart by: `stresswatch.contracts.identity`; None where no key
        is at hand.
    encoded : str or None
        The message's fields in JSON, where `encode` has written them: the message and the archive's
        line both begin so.
    draw : Draw or None
        None while no posts are drawn for labelling.
    """

    prediction_id: str
    post: Post
    probability: float
    descriptors: tuple[float, ...]
    model_version: str
    predicted_at: str
    reasons: Reasons | NoReasons | None = None
    text_digest: str | None = None
    encoded: str | None = None
    draw: Draw | None = None

    @property
    def is_positive(self) -> bool:
        return self.probability >= DECISION_THRESHOLD

    def message(self) -> str:
        """Return the record of the predictions stream, as JSON."""
        reasons = f', "reasons": {self.reasons.to_json()}' if self.reasons else ""
        return f"{{{self._encoded()}{reasons}}}"

    def archive_line(self) -> str:
        """Return the line of the archive: the prediction and the features, without any word."""
        post = self.post
        return _ARCHIVE_LINE % (
            self._encoded(),
            "null" if post.source is None else _encode(post.source),
            "null" if post.created_at is None else _encode(post.created_at),
            "null" if self.text_digest is None else _encode(self.text_digest),
            *(_drawn(self.draw) if self.draw else _NOT_DRAWN),
            *["null" if math.isnan(number) else number for number in post.numbers],
            *self.descriptors,
        )

    def archive_row(self) -> dict[str, Any]:
        """Return the row that the line of the archive holds."""
        row: dict[str, Any] = json.loads(self.archive_line())
        return row

    def _encoded(self) -> str:
        return self.encoded or encode(
            self.prediction_id,
            self.post.post_id,
            self.probability,
            self.model_version,
            self.predicted_at,
        )


def encode(
    prediction_id: str, post_id: str, probability: float, model_version: str, predicted_at: str
) -> str:
    """Return the fields of a prediction's message in JSON, without the braces around them."""
    return _FIELDS % (
        _encode(prediction_id),
        _encode(post_id),
        "true" if probability >= DECISION_THRESHOLD else "false",
        probability,
        _encode(model_version),
        _encode(predicted_at),
    )


def _drawn(draw: Draw) -> tuple[float | str, str]:
    sample = "null" if draw.sample is None else _encode(draw.sample)
    return draw.inclusion_probability, sample


class ReadText(NamedTuple):
    """A post's text in its normalised form, and its keyed digest where there is a key."""

    normalised: str
    digest: str | None = None


class Rejection(NamedTuple):
    """A record that is no post, and why."""

    record: Record
    reason: str
    detail: str


def read_records(records: Sequence[Record]) -> tuple[list[tuple[Record, Post]], list[Rejection]]:
    """Sort records into posts and rejections, both in the order of the records."""
    posts: list[tuple[Record, Post]] = []
    rejections: list[Rejection] = []
    for record in records:
        try:
            post = parse_post(record.data, default_post_id=record.sequence_number)
        except InvalidPost as error:
            rejections.append(Rejection(record, error.reason, error.detail))
        else:
            posts.append((record, post))
    return posts, rejections
