"""The prediction, its archive row, and the batch that turns records into both.

Everything here is pure: records and a model in, predictions, archive rows and rejections out.
"""

from __future__ import annotations

import hashlib
import math
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from stresswatch.artefact import Artefact
from stresswatch.posts import NUMERIC_FEATURES, InvalidPost, Post, parse_post

DECISION_THRESHOLD = 0.5
TEXT_DESCRIPTORS = ("text_length", "out_of_vocabulary_share", "non_letter_share")
"""What the archive keeps of a text: numbers that say how it looks, never what it says."""
DRIFT_COLUMNS = (*NUMERIC_FEATURES, *TEXT_DESCRIPTORS, "probability")
"""The columns of an archive row that drift is measured on."""

_ASCII_LETTERS = string.ascii_letters.encode()
_find_letters = re.compile(r"[^\W\d_]+").findall


def prediction_id(stream: str, shard: str, sequence_number: str) -> str:
    """Name the prediction of a record by the record's place, so that a redelivery has the same."""
    position = f"{stream}/{shard}/{sequence_number}"
    return hashlib.sha256(position.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the posts stream, with its place there.

    Attributes
    ----------
    arrived_at : datetime
        When the stream took the record.
    """

    data: bytes
    stream: str
    shard: str
    sequence_number: str
    arrived_at: datetime

    @property
    def prediction_id(self) -> str:
        return prediction_id(self.stream, self.shard, self.sequence_number)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one post, and what the archive remembers of the post.

    Attributes
    ----------
    probability : float
        Of stress, between 0 and 1.
    descriptors : tuple of float
        One value for each of `TEXT_DESCRIPTORS`, in that order.
    """

    prediction_id: str
    post: Post
    probability: float
    descriptors: tuple[float, ...]
    model_version: str
    predicted_at: str

    @property
    def stressed(self) -> bool:
        return self.probability >= DECISION_THRESHOLD

    def message(self) -> dict[str, Any]:
        """Give the record of the predictions stream."""
        return {
            "prediction_id": self.prediction_id,
            "post_id": self.post.post_id,
            "stressed": self.stressed,
            "probability": self.probability,
            "model_version": self.model_version,
            "predicted_at": self.predicted_at,
        }

    def archive_row(self) -> dict[str, Any]:
        """Give the row of the archive: the prediction and the features, without the text."""
        numbers = (None if math.isnan(value) else value for value in self.post.numbers)
        return (
            self.message()
            | {"source": self.post.source, "created_at": self.post.created_at}
            | dict(zip(NUMERIC_FEATURES, numbers, strict=True))
            | dict(zip(TEXT_DESCRIPTORS, self.descriptors, strict=True))
        )


@dataclass(frozen=True, slots=True)
class Rejection:
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


def predict(
    posts: Sequence[tuple[str, Post]], artefact: Artefact, model_version: str, predicted_at: str
) -> list[Prediction]:
    """Predict posts, given with their prediction ids, in one pass over the batch."""
    texts = [post.text for _, post in posts]
    numbers = np.array([post.numbers for _, post in posts], dtype=np.float64)
    scores = artefact.score(texts, numbers.reshape(-1, len(NUMERIC_FEATURES)))
    return [
        Prediction(
            prediction_id=prediction_id,
            post=post,
            probability=probability,
            descriptors=(float(len(post.text)), unknown, non_letter_share(post.text)),
            model_version=model_version,
            predicted_at=predicted_at,
        )
        for (prediction_id, post), probability, unknown in zip(
            posts, scores.probability.tolist(), scores.out_of_vocabulary.tolist(), strict=True
        )
    ]


def non_letter_share(text: str) -> float:
    """Give the share of characters that are no letter of any script; `text` must not be empty."""
    # Deleting ASCII's letters is quick, and mostly leaves little to look at closely.
    rest = text.encode("utf-8").translate(None, _ASCII_LETTERS).decode("utf-8")
    letters = 0 if rest.isascii() else sum(map(len, _find_letters(rest)))
    return (len(rest) - letters) / len(text)
