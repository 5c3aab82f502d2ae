"""Posts of several days that were predicted, partly sampled for labelling, and partly labelled."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from stresswatch.contracts.identity import text_digest
from stresswatch.contracts.posts import NUMERIC_FEATURES, Post
from stresswatch.contracts.predictions import (
    DECISION_THRESHOLD,
    TEXT_DESCRIPTORS,
    Prediction,
    Record,
)
from stresswatch.contracts.sampling import SampleShares, lots
from stresswatch.storage import archive
from stresswatch.storage.training_sets import LABELS_PREFIX

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SHARD = "shardId-000000000000"
SOURCES = ("anxiety", "ptsd", None)


@dataclass(frozen=True)
class Drawn:
    """A prediction, whether its post is stressed, and its day."""

    prediction: Prediction
    label: int
    day: date

    @property
    def is_drawn(self) -> bool:
        draw = self.prediction.draw
        return draw is not None and draw.sample is not None


def drawn_posts(
    key: bytes, days: Sequence[date], each: int, shares: SampleShares, seed: int = 0
) -> list[Drawn]:
    """Make posts of some days; the champion changes in the middle of them."""
    chance, found = random.Random(seed), []
    for place, day in enumerate(days):
        version = "v1" if place < len(days) / 2 else "v2"
        for number in range(each):
            label = int(chance.random() < 0.4)
            probability = min(1.0, 0.3 * label + 0.65 * chance.random())
            at = datetime.combine(day, time(9, number % 60), UTC)
            record = Record(b"", "posts", SHARD, f"{day:%d}{number:06}", 0)
            (lot,) = lots(key, [record.prediction_id])
            text = f"day {day}, post {number}"
            prediction = Prediction(
                record.prediction_id,
                Post(
                    f"{day}-{number // 2}",  # segments share an id
                    text,
                    (1.0,) * len(NUMERIC_FEATURES),
                    None,
                    SOURCES[number % len(SOURCES)],
                ),
                probability,
                (float(len(text)), *[0.1] * (len(TEXT_DESCRIPTORS) - 1)),
                version,
                at.isoformat(),
                text_digest=text_digest(key, text),
                draw=shares.draw(lot, abs(probability - DECISION_THRESHOLD)),
            )
            found.append(Drawn(prediction, label, day))
    return found


def archive_posts(s3: S3Client, bucket: str, posts: Iterable[Drawn]) -> None:
    """Put posts into the raw archive, a batch for each hour of each day."""
    batches: dict[str, list[Prediction]] = {}
    for post in posts:
        hour = post.prediction.predicted_at[:13]
        batches.setdefault(hour, []).append(post.prediction)
    for hour, batch in batches.items():
        arrival = datetime.fromisoformat(f"{hour}:00:00+00:00") - timedelta(minutes=1)
        records = [
            Record(b"", "posts", SHARD, f"{number:08}", arrival.timestamp())
            for number in range(len(batch))
        ]
        archive.write(s3, bucket, records, batch)


def label_posts(
    s3: S3Client, bucket: str, posts: Iterable[Drawn], name: str = "drawn", suffix: str = ""
) -> None:
    """Label posts; with a suffix, a text that was edited since."""
    lines = [
        json.dumps(
            {
                "post_id": post.prediction.post.post_id,
                "text": post.prediction.post.text + suffix,
                "label": post.label,
                "labelled_at": f"{post.day}T12:00:00Z",
            }
        )
        for post in posts
    ]
    body = "\n".join(lines).encode()
    s3.put_object(Bucket=bucket, Key=f"{LABELS_PREFIX}{name}.jsonl", Body=body)
