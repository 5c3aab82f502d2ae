"""Model versions: a training run's folder of files, and its verification."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stresswatch.aws.s3 import Location, listed
from stresswatch.errors import InvalidInput
from stresswatch.model.scorer import ScorerKind
from stresswatch.versions.task_change import TaskChange

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MODELS_PREFIX = "models/"
MODEL_FILE = "model.npz"
PIPELINE_FILE = "model.skops"
"""The fitted pipeline of a version that arrays cannot score, in skops' format."""
MANIFEST_FILE = "manifest.json"
REFERENCE_FILE = "reference.parquet"
EVALUATION_FILE = "evaluation.json"
SUSPICIOUS_LABELS_FILE = "suspicious_labels.json"
CARD_FILE = "model_card.md"
CARD_PAGE_FILE = "model_card.html"
VERSION_FILES = (
    MODEL_FILE,
    MANIFEST_FILE,
    REFERENCE_FILE,
    EVALUATION_FILE,
    SUSPICIOUS_LABELS_FILE,
    CARD_FILE,
    CARD_PAGE_FILE,
)
VERDICT_FILE = "verdict.json"
"""The gate's verdict on the version, stored with its files."""
SHADOW_FILE = "shadow.json"
"""The verdict on its predictions of live posts as a shadowing challenger."""
PROBATION_FILE = "probation.json"
"""The verdict on its answers as a new champion on probation."""
MAXIMUM_FILE_BYTES = 128 * 1024 * 1024


class InvalidModelVersion(InvalidInput):
    """The files are not a model version: one is missing, too large, or contradicts the manifest."""


@dataclass(frozen=True)
class Manifest:
    """A model version's contents and origin.

    Attributes
    ----------
    files : mapping of str to str
        SHA-256 of every other file in the version.
    posts : mapping of str to int
        Numbers of posts: ``train`` and ``evaluation`` for the two splits, ``new`` for those of
        both labelled after the base data, ``invalid`` for lines left out. ``unweighted`` counts
        training posts left out for confidence 0, and ``suspicious`` suspicious labels of both
        splits.
    numeric_features : tuple of str or None
    predicts : str or None
    task : mapping of str to str or None
        Features, label and classes, and the ``name`` and ``digest`` of the model's task;
        unknown for versions of earlier releases.
    absent_features : tuple of str
        The numeric features without two different values in the training posts; the model has
        no coefficient for them.
    metrics : mapping
        `Quality` of the evaluation split, with 95 % intervals: ``overall``, and ``slices`` by
        the posts' source.
    parent : str or None
        The champion at the time of training.
    scorer : ScorerKind
        The scorer: the arrays of `MODEL_FILE`, or the pipeline of `PIPELINE_FILE`.
    not_exportable : str
        Why the pipeline cannot be exported to arrays; otherwise empty.
    trusted_types : tuple of str
        Types in the pipeline's file beyond those that skops itself trusts.
    base : mapping of str to int or None
        Posts of each set of base data in the training set; unknown for earlier versions.
    search : mapping or None
        How the number weight was chosen: ``number_weight``, ``reason``, whether the search
        ``finished``, ``posts``, ``seconds`` and ``trials``; unknown for earlier versions.
    """

    version: str
    created_at: str
    files: Mapping[str, str]
    dataset_sha256: str
    posts: Mapping[str, int]
    hyperparameters: Mapping[str, Any]
    selected_features: tuple[str, ...]
    parity: float
    metrics: Mapping[str, Any]
    parent: str | None
    training_job: str
    code_commit: str
    absent_features: tuple[str, ...] = ()
    scorer: ScorerKind = ScorerKind.ARRAYS
    not_exportable: str = ""
    trusted_types: tuple[str, ...] = ()
    numeric_features: tuple[str, ...] | None = None
    predicts: str | None = None
    task: Mapping[str, str] | None = None
    search: Mapping[str, Any] | None = None
    base: Mapping[str, int] | None = None

    @property
    def task_change(self) -> TaskChange | None:
        """The difference between its task and the current one; None if equal or unknown."""
        features = self.numeric_features
        return None if features is None else TaskChange.since(features, self.predicts)

    def to_bytes(self) -> bytes:
        return json.dumps(self.__dict__, indent=2, sort_keys=True).encode() + b"\n"

    @staticmethod
    def from_bytes(data: bytes) -> Manifest:
        try:
            record = json.loads(data)
            if (features := record.get("numeric_features")) is not None:
                record["numeric_features"] = tuple(features)
            for name in ("selected_features", "absent_features", "trusted_types"):
                record[name] = tuple(record.get(name, ()))
            record["scorer"] = ScorerKind(record.get("scorer", ScorerKind.ARRAYS))
            return Manifest(**record)
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidModelVersion(f"{MANIFEST_FILE} cannot be read: {error}") from error


def version_name(now: datetime, dataset_sha256: str) -> str:
    """Name a version so that names sort by age; also a valid SageMaker training job name."""
    return f"v{now:%Y%m%dT%H%M%S}-{dataset_sha256[:8]}"


def judged_versions(s3: S3Client, bucket: str) -> list[str]:
    """Return the names of the judged versions, oldest first."""
    keys = [found["Key"] for found in listed(s3, bucket, MODELS_PREFIX)]
    return sorted(
        key.removeprefix(MODELS_PREFIX).removesuffix(f"/{VERDICT_FILE}")
        for key in keys
        if key.endswith(f"/{VERDICT_FILE}")
    )


def folder_of_version(bucket: str, version: str) -> Location:
    """Return the location of a model version's files."""
    return Location(bucket, f"{MODELS_PREFIX}{version}/")


def keep_verdict(
    s3: S3Client, bucket: str, version: str, name: str, verdict: Mapping[str, Any]
) -> None:
    """Store a verdict with the version's files, replacing an earlier one."""
    place = folder_of_version(bucket, version) / name
    s3.put_object(Bucket=place.bucket, Key=place.key, Body=json.dumps(verdict, indent=2).encode())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def unpack_model_archive(archive: bytes) -> dict[str, bytes]:
    """Extract a version's files from SageMaker's ``model.tar.gz``, in memory.

    Raises
    ------
    InvalidModelVersion
        When a member is not a plain file of `VERSION_FILES`, is too large, or missing, or a
        file's digest differs from the manifest.
    """
    files: dict[str, bytes] = {}
    known = {*VERSION_FILES, PIPELINE_FILE}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members:
            for member in members:
                name = member.name.removeprefix("./")
                if member.isdir() and name in (".", ""):
                    continue
                if not member.isfile() or name not in known or name in files:
                    raise InvalidModelVersion(
                        f"the archive holds {name!r}, which is not a model file or is a duplicate"
                    )
                if member.size > MAXIMUM_FILE_BYTES:
                    raise InvalidModelVersion(f"{name} is over {MAXIMUM_FILE_BYTES:,} bytes")
                content = members.extractfile(member)
                files[name] = content.read() if content else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InvalidModelVersion(f"the model archive cannot be read: {error}") from error
    if missing := sorted(set(VERSION_FILES) - set(files)):
        raise InvalidModelVersion(f"the model archive lacks {', '.join(missing)}")
    manifest = Manifest.from_bytes(files[MANIFEST_FILE])
    if missing := sorted(manifest.files.keys() - files):
        raise InvalidModelVersion(f"the model archive lacks {', '.join(missing)}")
    for name in files.keys() - {MANIFEST_FILE}:
        if manifest.files.get(name) != sha256(files[name]):
            raise InvalidModelVersion(f"{name} is not the file that the manifest names")
    return files
