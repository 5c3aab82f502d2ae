"""What a comparison of two versions on live posts is read from: archive, labels, training sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stresswatch.contracts.identity import identity_key
from stresswatch.monitoring.live_quality import newest_labels
from stresswatch.retraining.environments import CompareEnvironment
from stresswatch.retraining.live_comparison import LiveComparison, compare_rows
from stresswatch.settled.windows import Window
from stresswatch.storage import archive
from stresswatch.storage.training_sets import LABELS_PREFIX, read_lines
from stresswatch.versions.shadow import ARCHIVE_PREFIX, GRACE
from stresswatch.versions.trained_texts import read_trained_texts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Row = Mapping[str, Any]


@dataclass(frozen=True)
class LiveArchive:
    """Compares versions on live posts by what is archived of them.

    Attributes
    ----------
    key : bytes
        Of the digests by which texts are told apart.
    warn : callable
        Takes a message and fields, as a logger's ``warning`` does: of a version whose training set
        is gone, nobody knows the posts that it was trained on.
    """

    s3: S3Client
    archive_bucket: str
    training_bucket: str
    key: bytes
    warn: Callable[..., None]

    @classmethod
    def of(
        cls, environment: CompareEnvironment, s3: S3Client, warn: Callable[..., None]
    ) -> LiveArchive:
        """Name the places that a function's environment has."""
        return cls(
            s3,
            environment.archive_bucket,
            environment.training_bucket,
            identity_key(environment.identity_secret)(),
            warn,
        )

    def compare_shadow(self, window: Window, champion: str, challenger: str) -> LiveComparison:
        """Compare a challenger that shadows with the champion on the posts that this answered."""
        answered = archive.read(self.s3, self.archive_bucket, window.start, window.end)
        return self._compare(
            _of(champion, answered),
            _of(challenger, self._shadowed(Window(window.start, window.end + GRACE))),
            (champion, challenger),
        )

    def compare_probation(self, window: Window, previous: str, champion: str) -> LiveComparison:
        """Compare a new champion with the previous one on the posts that this one shadowed.

        A post that the previous one scored and the new one did not is one that the new champion
        failed on. Posts that were answered before the window, and shadowed in it, are left out.
        """
        answered = archive.read(
            self.s3, self.archive_bucket, window.start - GRACE, window.end + GRACE
        )
        earlier = {
            row["prediction_id"]
            for row in answered
            if datetime.fromisoformat(row["predicted_at"]) < window.start
        }
        shadowed = [row for row in self._shadowed(window) if row["prediction_id"] not in earlier]
        return self._compare(_of(previous, shadowed), _of(champion, answered), (previous, champion))

    def _shadowed(self, window: Window) -> Sequence[Row]:
        return archive.read(
            self.s3, self.archive_bucket, window.start, window.end, prefix=ARCHIVE_PREFIX
        )

    def _compare(
        self, champion: Sequence[Row], challenger: Sequence[Row], versions: tuple[str, str]
    ) -> LiveComparison:
        labels = newest_labels(read_lines(self.s3, self.training_bucket, LABELS_PREFIX), self.key)
        trained: frozenset[str] = frozenset()
        for version in versions:
            texts = read_trained_texts(self.s3, self.training_bucket, version, self.key)
            if texts is None:
                self.warn(
                    "no training set: posts that the version was trained on are not left out",
                    model_version=version,
                )
            else:
                trained |= texts
        return compare_rows(champion, challenger, labels, trained)


def _of(version: str, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["model_version"] == version]
