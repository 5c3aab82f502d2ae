"""Samples posts from live batches for labelling, and stores the sampled ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stresswatch.contracts.identity import ReadKey
from stresswatch.contracts.posts import SMOKE_PREFIX
from stresswatch.contracts.predictions import DECISION_THRESHOLD, Prediction, Record
from stresswatch.contracts.sampling import SampleShares, lots
from stresswatch.storage import label_queue

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from stresswatch.serving.environments import PredictorEnvironment


@dataclass(frozen=True)
class LabelSampling:
    """A stage's sample shares, key and label queue."""

    shares: SampleShares
    read_key: ReadKey
    s3: S3Client
    bucket: str

    @staticmethod
    def of(
        environment: PredictorEnvironment, s3: S3Client, read_key: ReadKey
    ) -> LabelSampling | None:
        """Return the stage's sampling; None on a stage without a label queue."""
        if environment.label_queue_bucket is None:
            return None
        shares = SampleShares(environment.label_sample_share, environment.uncertain_sample_share)
        return LabelSampling(shares, read_key, s3, environment.label_queue_bucket)

    def draw(self, predictions: Sequence[Prediction]) -> list[Prediction]:
        """Return the predictions with their draws; smoke test posts are never drawn.

        Raises
        ------
        stresswatch.contracts.identity.KeyUnavailable
        """
        found = lots(self.read_key(), [one.prediction_id for one in predictions])
        return [
            one if one.post.post_id.startswith(SMOKE_PREFIX) else self._with_draw(one, lot)
            for one, lot in zip(predictions, found, strict=True)
        ]

    def keep(self, batch: Sequence[Record], predictions: Sequence[Prediction]) -> bool:
        """Put the batch's drawn posts into the label queue; return whether there were any."""
        return label_queue.write(self.s3, self.bucket, batch, predictions)

    def _with_draw(self, prediction: Prediction, lot: float) -> Prediction:
        distance = abs(prediction.probability - DECISION_THRESHOLD)
        return prediction._replace(draw=self.shares.draw(lot, distance))
