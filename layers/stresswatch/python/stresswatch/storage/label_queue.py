"""The label queue in S3: posts drawn for labelling, with their text.

Objects are gzipped JSON Lines, named like the archive's, at most one per predictor invocation. Only
`QueuedPost` knows a line's format. A redelivery adds its own object, and reading keeps each
record's first prediction, like the settled archive.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from stresswatch.aws.s3 import Location, listed
from stresswatch.aws.s3 import read as read_object
from stresswatch.contracts.posts import InvalidPost, Post, post_record, read_post
from stresswatch.contracts.predictions import DECISION_THRESHOLD, Prediction, Record
from stresswatch.contracts.sampling import Draw, SampleKind
from stresswatch.storage.archive import READERS, write_lines

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "label-queue/"
PREDICTION_FIELDS = (
    "probability",
    "model_version",
    "predicted_at",
    "inclusion_probability",
    "sample",
    "lot",
)
"""Fields with the model's output, or hints at it, to hide from annotators."""


class QueuedPost(NamedTuple):
    """A post that awaits a label, and the prediction with which it was drawn."""

    prediction_id: str
    post: Post
    probability: float
    model_version: str
    predicted_at: str
    draw: Draw

    @staticmethod
    def of(prediction: Prediction) -> QueuedPost | None:
        """Return a prediction's entry in the queue; None if its post was not drawn."""
        if prediction.draw is None or prediction.draw.sample is None:
            return None
        return QueuedPost(
            prediction.prediction_id,
            prediction.post,
            prediction.probability,
            prediction.model_version,
            prediction.predicted_at,
            prediction.draw,
        )

    @property
    def is_positive(self) -> bool:
        return self.probability >= DECISION_THRESHOLD

    @property
    def day(self) -> str:
        """Return the prediction's date in UTC."""
        return self.predicted_at[:10]

    @property
    def priority(self) -> tuple[float, str]:
        """Return the sort key of the queue, which makes its beginning a random subsample.

        A drawn post's lot divided by its inclusion probability is uniform in [0, 1) for any
        share (sequential Poisson sampling: Ohlsson, "Sequential Poisson sampling", Journal of
        Official Statistics 14, 1998).
        """
        return self.draw.lot / self.draw.inclusion_probability, self.prediction_id

    def record(self) -> dict[str, Any]:
        """Return the JSON object for `from_record`: the post's fields and the prediction."""
        return {
            "prediction_id": self.prediction_id,
            **post_record(self.post._replace(asks_reasons=False)),
            "probability": self.probability,
            "model_version": self.model_version,
            "predicted_at": self.predicted_at,
            "inclusion_probability": self.draw.inclusion_probability,
            "sample": self.draw.sample,
            "lot": self.draw.lot,
        }

    @staticmethod
    def from_record(record: dict[str, Any]) -> QueuedPost:
        """Read a line's JSON.

        Raises
        ------
        InvalidPost
            When the post is invalid by the current contract.
        """
        sample = SampleKind(record["sample"])
        return QueuedPost(
            record["prediction_id"],
            read_post(record),
            record["probability"],
            record["model_version"],
            record["predicted_at"],
            Draw(record["lot"], record["inclusion_probability"], sample),
        )


def write(
    s3: S3Client, bucket: str, batch: Sequence[Record], predictions: Sequence[Prediction]
) -> bool:
    """Store a batch's drawn posts; return whether there were any."""
    queued = [found for found in map(QueuedPost.of, predictions) if found]
    if queued:
        at = datetime.fromisoformat(queued[0].predicted_at)
        write_lines(s3, bucket, PREFIX, batch, at, (json.dumps(one.record()) for one in queued))
    return bool(queued)


def read(s3: S3Client, bucket: str) -> list[QueuedPost]:
    """Read every post in the queue once, in labelling order.

    Among a record's predictions at different times, the first counts, and among simultaneous ones
    the older version's. Lines that are invalid by the current contract are left out.
    """
    first: dict[str, QueuedPost] = {}
    for found in _entries(s3, bucket):
        other = first.setdefault(found.prediction_id, found)
        if _precedence(found) < _precedence(other):
            first[found.prediction_id] = found
    return sorted(first.values(), key=lambda one: one.priority)


def _entries(s3: S3Client, bucket: str) -> Iterator[QueuedPost]:
    def fetch(key: str) -> bytes:
        return read_object(s3, Location(bucket, key))

    with ThreadPoolExecutor(READERS) as pool:
        for body in pool.map(fetch, (found["Key"] for found in listed(s3, bucket, PREFIX))):
            yield from _decoded(gzip.decompress(body).splitlines())


def _decoded(lines: Iterable[bytes]) -> Iterator[QueuedPost]:
    for line in lines:
        try:
            yield QueuedPost.from_record(json.loads(line))
        except InvalidPost:
            continue


def _precedence(queued: QueuedPost) -> tuple[str, str]:
    # Like in the archive: times are written in UTC, and version names sort by age.
    return queued.predicted_at, queued.model_version
