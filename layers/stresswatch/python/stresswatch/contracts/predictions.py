"""The prediction, its archive row, and the batch that turns records into both.

Everything here is pure: it turns records and a model into predictions, archive rows and rejections.
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
"""The archive's text descriptors: values about a text's form, never its content."""
REFERENCE_COLUMNS = (*NUMERIC_FEATURES, *TEXT_DESCRIPTORS, "probability")
"""The archive columns that a version's reference has."""
MISSING_SHARE = "missing_share"
"""Share of missing numeric features: derived from the other columns."""
PREDICTION_CONFIDENCE = "prediction_confidence"
"""The model's confidence in its answer, from 0.5 to 1: derived from the probability."""
MONITORED_FEATURES = (*REFERENCE_COLUMNS, PREDICTION_CONFIDENCE, MISSING_SHARE)
"""The features compared for drift."""

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
"""An archive row's columns and types, in order.

The post's own fields may be null, and so may the text's digest, which rows of earlier releases
lack. `inclusion_probability` is null on stages without a label queue, and `sample` for a post that
was not drawn.
"""

# A template is twice as fast as encoding a dictionary, with the same result.
_FIELDS = ", ".join(f'"{name}": %s' for name in _MESSAGE_FIELDS)
_ARCHIVE_LINE = (
    "{%s"
    + "".join(f', "{name}": %s' for name in ARCHIVE_COLUMNS if name not in _MESSAGE_FIELDS)
    + "}"
)

_NOT_DRAWN = ("null", "null")


def prediction_id(stream: str, shard: str, sequence_number: str) -> str:
    """Derive a prediction's id from the record's position, so that a redelivery has the same id."""
    position = f"{stream}/{shard}/{sequence_number}"
    return hashlib.sha256(position.encode()).hexdigest()[:32]


class Record(NamedTuple):
    """One record of the posts stream, with its position.

    Attributes
    ----------
    arrival : float
        When the record reached the stream, in seconds since the epoch.
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
    """The model's output for one post, and the archive's data about the post.

    Attributes
    ----------
    probability : float
        Probability of the positive class, between 0 and 1.
    descriptors : tuple of float
        One value per descriptor in `TEXT_DESCRIPTORS`, in that order.
    text_digest : str or None
        Identifies the text in the archive: `stresswatch.contracts.identity`; None without a
        key.
    encoded : str or None
        The message's fields in JSON, as `encode` writes them: the common beginning of the
        message and the archive's line.
    draw : Draw or None
        None on stages without a label queue.
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
        """Return the predictions stream's record, as JSON."""
        reasons = f', "reasons": {self.reasons.to_json()}' if self.reasons else ""
        return f"{{{self._encoded()}{reasons}}}"

    def archive_line(self) -> str:
        """Return the archive's line: the prediction and the features, without any text."""
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
        """Return the archive's row."""
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
    """Return a prediction message's fields in JSON, without the enclosing braces."""
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
    """A post's normalised text, and its keyed digest if there is a key."""

    normalised: str
    digest: str | None = None


class Rejection(NamedTuple):
    """An invalid record, and the reason."""

    record: Record
    reason: str
    detail: str


def read_records(records: Sequence[Record]) -> tuple[list[tuple[Record, Post]], list[Rejection]]:
    """Sort records into posts and rejections, both in the records' order."""
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
