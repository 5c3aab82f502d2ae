"""A stream of posts with recurring ids and texts, answered and shadowed at irregular times."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from stresswatch.settled.places import PREDICTIONS, SHADOW, Archive
from stresswatch.settled.windows import Window
from stresswatch.storage import archive
from stresswatch.versions.shadow import GRACE

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TEXTS = ("a day", "another day", "a day like any other")
SHARES = SampleShares(all_posts=0.3, uncertain=0.9)
LABELS = "labels/compared.jsonl"


@dataclass(frozen=True)
class World:
    """Archives and labels, the same for a seed.

    Attributes
    ----------
    start : datetime
        A whole hour: everything happens within the two hours after it.
    key : bytes
        For the texts' digests.
    """

    s3: S3Client
    seed: int
    start: datetime
    key: bytes
    archive_bucket: str = "archive"
    training_bucket: str = "training"

    @property
    def window(self) -> Window:
        """The compared window: most times are within a minute of its bounds."""
        return Window(self.start + timedelta(minutes=20), self.start + timedelta(minutes=100))

    def fill(self, answers: Sequence[str], shadows: Sequence[str]) -> None:
        """Archive posts that some of these versions answered, and some shadowed; label some."""
        chance, begin, end = random.Random(self.seed), self.window.start, self.window.end
        moments = [
            edge + timedelta(milliseconds=offset)
            for edge in (begin - GRACE, begin, end, end + GRACE)
            for offset in (-1, 0, 1)
        ] + [begin + timedelta(minutes=minutes) for minutes in range(0, 80, 8)]
        for sequence in range(150):
            at = chance.choice(moments)
            near = chance.choice([at, at + timedelta(seconds=2), chance.choice(moments)])
            if chance.random() < 0.9:
                self._archive(sequence, chance, chance.choice(answers), at, PREDICTIONS)
            if chance.random() < 0.85:
                self._archive(sequence, chance, chance.choice(shadows), near, SHADOW)
        self._label(chance)

    def _archive(
        self, sequence: int, chance: random.Random, version: str, at: datetime, place: Archive
    ) -> None:
        """Archive a batch of one record; a record is the same in both archives."""
        record = Record(b"", "posts", "shard", f"{sequence:06}", (at - GRACE).timestamp())
        of_record = random.Random(sequence)
        text, numbers = of_record.choice(TEXTS), (1.0,) * len(NUMERIC_FEATURES)
        probability = chance.choice([0.1, 0.4, 0.5, 0.6, 1 / 3])
        # Rows of earlier releases have no digest, and none of their posts was sampled.
        is_recent = of_record.random() < 0.8
        (lot,) = lots(self.key, [record.prediction_id])
        prediction = Prediction(
            record.prediction_id,
            Post(f"post-{of_record.randrange(40)}", text, numbers, None, "ptsd"),
            probability,
            (float(len(text)), *[0.1] * (len(TEXT_DESCRIPTORS) - 1)),
            version,
            at.isoformat(),
            text_digest=text_digest(self.key, text) if is_recent else None,
            draw=SHARES.draw(lot, abs(probability - DECISION_THRESHOLD)) if is_recent else None,
        )
        archive.write(self.s3, self.archive_bucket, [record], [prediction], place.raw)

    def _label(self, chance: random.Random) -> None:
        lines = [
            json.dumps(
                {
                    "post_id": f"post-{number}",
                    "text": chance.choice(TEXTS),
                    "label": chance.randint(0, 1),
                    "labelled_at": self.start.isoformat(),
                }
            )
            for number in range(10, 50)
            for _ in range(chance.randint(0, 2))
        ]
        body = "\n".join(lines).encode()
        self.s3.put_object(Bucket=self.training_bucket, Key=LABELS, Body=body)
