"""The data for comparisons on live posts: predictions, labels, training sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from stresswatch.aws.athena import Athena
from stresswatch.contracts.identity import identity_key
from stresswatch.monitoring.label_table import LabelTable
from stresswatch.retraining.environments import CompareEnvironment
from stresswatch.retraining.live_comparison import LiveComparison, compare_pairs
from stresswatch.retraining.live_pairs import probation_pairs, shadow_pairs
from stresswatch.settled.windows import Window
from stresswatch.versions.trained_texts import read_trained_texts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class LiveArchive:
    """Compares versions on settled live posts.

    Attributes
    ----------
    key : bytes
        Key of the text digests.
    warn : callable
        A logger's ``warning``: takes a message and fields. Called if a version's training set
        no longer exists, so that its training posts are unknown.
    """

    s3: S3Client
    athena: Athena
    training_bucket: str
    key: bytes
    warn: Callable[..., None]

    @classmethod
    def of(
        cls, environment: CompareEnvironment, s3: S3Client, warn: Callable[..., None]
    ) -> LiveArchive:
        """Build it from a function's environment."""
        return cls(
            s3,
            Athena(boto3.client("athena"), environment.query_workgroup, environment.query_database),
            environment.training_bucket,
            identity_key(environment.identity_secret)(),
            warn,
        )

    def compare_shadow(self, window: Window, champion: str, challenger: str) -> LiveComparison:
        """Compare a shadowing challenger with the champion on the posts of the latter."""
        return self._compare(shadow_pairs, window, champion, challenger)

    def compare_probation(self, window: Window, previous: str, champion: str) -> LiveComparison:
        """Compare a new champion with the previous one on the posts that the latter shadowed.

        A post that only the previous champion scored counts as a failure of the new one. Posts
        answered before the window, and shadowed in it, are left out.
        """
        return self._compare(probation_pairs, window, previous, champion)

    def _compare(
        self,
        ask: Callable[[Athena, Window, str, str], Iterable[Mapping[str, Any]]],
        window: Window,
        champion: str,
        challenger: str,
    ) -> LiveComparison:
        known = LabelTable(self.s3, self.training_bucket, self.key).fold()
        pairs = list(ask(self.athena, window, champion, challenger))
        labels = known.of({pair["post_id"] for pair in pairs} - {None})
        return compare_pairs(pairs, labels, self._trained_on(champion, challenger))

    def _trained_on(self, *versions: str) -> frozenset[str]:
        """Return the digests of both versions' training texts."""
        trained: frozenset[str] = frozenset()
        for version in versions:
            texts = read_trained_texts(self.s3, self.training_bucket, version, self.key)
            if texts is None:
                self.warn(
                    "no training set: the version's training posts are not left out",
                    model_version=version,
                )
            else:
                trained |= texts
        return trained
