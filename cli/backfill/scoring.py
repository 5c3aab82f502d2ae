"""Score records with a model version, by the predictor's own code."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli.deployment.target import Target
from cli.errors import OperatorError
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import read_if_there
from stresswatch.contracts.predictions import Prediction, Record, Rejection, read_records
from stresswatch.model.artefact_file import CorruptArtefact
from stresswatch.model.scorer import ScorerKind
from stresswatch.task.definition import TASK
from stresswatch.versions.champion import Pointer, ServedModel, load_model
from stresswatch.versions.model_files import DigestMismatch
from stresswatch.versions.model_version import (
    MANIFEST_FILE,
    MODEL_FILE,
    InvalidModelVersion,
    Manifest,
    folder_of_version,
    judged_versions,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BATCH = 500
_NAMED = 5


@dataclass(frozen=True)
class ScoredBatch:
    """The predictions and the invalid records of a batch."""

    predictions: list[Prediction]
    rejections: list[Rejection]


@dataclass
class Summary:
    """The result of a backfill.

    Attributes
    ----------
    invalid : Counter of str
        Invalid records by reason.
    first : dict of str to str
        Position of the first record with each reason: shard, or ``file``, and number.
    """

    model_version: str
    posts: int = 0
    positive: int = 0
    invalid: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, scored: ScoredBatch) -> None:
        self.posts += len(scored.predictions)
        self.positive += sum(prediction.is_positive for prediction in scored.predictions)
        for rejection in scored.rejections:
            self.invalid[rejection.reason] += 1
            place = f"{rejection.record.shard} {rejection.record.sequence_number}"
            self.first.setdefault(rejection.reason, place)

    def as_dict(self) -> dict[str, Any]:
        return {
            "model_version": self.model_version,
            "posts": self.posts,
            TASK.label.field: self.positive,
            "invalid": dict(self.invalid),
        }


def score(records: Iterable[Record], model: ServedModel) -> Iterator[ScoredBatch]:
    """Score records in batches, lazily, in the order given."""
    left = iter(records)
    while batch := list(itertools.islice(left, _BATCH)):
        posts, rejections = read_records(batch)
        yield ScoredBatch(model.predict_records(posts, datetime.now(UTC)), rejections)


def load_version(target: Target, version: str) -> ServedModel:
    """Load a version's model after checking it against the manifest.

    Raises
    ------
    OperatorError
        When the version does not exist, or its files fail their checks.
    """
    s3, bucket = target.client("s3"), target.output(stack_outputs.MODEL_BUCKET)
    folder = folder_of_version(bucket, version)
    try:
        manifest = Manifest.from_bytes(_read_manifest(s3, bucket, version))
        # A manifest of another version does not describe this version's files.
        digest = manifest.files.get(MODEL_FILE, "") if manifest.version == version else ""
        return load_model(s3, Pointer(version, str(folder), digest), ScorerKind.SCIKIT_LEARN)
    except DigestMismatch as error:
        raise OperatorError(
            f"{folder / MODEL_FILE} is not the file that the manifest names; nothing was scored."
        ) from error
    except (CorruptArtefact, InvalidModelVersion) as error:
        raise OperatorError(f"{folder} cannot be used: {error}; nothing was scored.") from error


def _read_manifest(s3: S3Client, bucket: str, version: str) -> bytes:
    found = read_if_there(s3, folder_of_version(bucket, version) / MANIFEST_FILE)
    if found is not None:
        return found
    newest = judged_versions(s3, bucket)[: -_NAMED - 1 : -1]
    raise OperatorError(
        f"There is no version {version}; the newest are {', '.join(newest)}."
        if newest
        else "There is no version yet; `stresswatch retrain` trains the first."
    )
