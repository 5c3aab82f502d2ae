"""Model versions: the folder of files that a training run leaves, and how it is trusted."""

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
"""Of a version that arrays cannot score: the fitted pipeline, in the form of skops."""
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
"""What the gate said of the version; it stands beside the files that the training job delivered."""
SHADOW_FILE = "shadow.json"
"""The same of what it said of live posts beside the champion, where it shadowed."""
PROBATION_FILE = "probation.json"
"""The same of what it answered as the new champion, beside the previous one that shadowed."""
MAXIMUM_FILE_BYTES = 128 * 1024 * 1024


class InvalidModelVersion(InvalidInput):
    """The files are no model version: one is missing, too large, or not what the manifest says."""


@dataclass(frozen=True)
class Manifest:
    """What a model version is made of and came from.

    Attributes
    ----------
    files : mapping of str to str
        SHA-256 of every other file of the version.
    posts : mapping of str to int
        How many posts were ``train``ed on and kept for ``evaluation``, how many of both were
        ``new``, that is labelled since the base data set, how many lines were ``invalid``, how many
        posts of the training split were left out as ``unweighted``, with confidence 0, and how
        many labels of both splits are ``suspicious``.
    numeric_features : tuple of str or None
    predicts : str or None
    task : mapping of str to str or None
        The features, the label's field, and the ``name`` and ``digest`` of the task that the model
        was trained for; versions of earlier releases do not say.
    absent_features : tuple of str
        The numeric features without two different values among the posts trained on: the model has
        no coefficient for them.
    metrics : mapping
        `Quality` of the evaluation split, with 95 % intervals: ``overall``, and ``slices`` by the
        posts' source.
    parent : str or None
        The champion at the time of training.
    scorer : ScorerKind
        What scores: the arrays of `MODEL_FILE`, or the pipeline of `PIPELINE_FILE`.
    not_exportable : str
        Why the pipeline is no arrays; empty where it is.
    trusted_types : tuple of str
        The types that the pipeline's file is made of beyond those that skops trusts by itself.
    search : mapping or None
        How the number weight was chosen: ``number_weight``, ``reason``, whether the search
        ``finished``, ``posts``, ``seconds`` and ``trials``; earlier versions do not say.
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

    @property
    def task_change(self) -> TaskChange | None:
        """How its task differs from that of now; None if it does not, or is not known."""
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
    """Name the versions that the gate judged, oldest first."""
    keys = [found["Key"] for found in listed(s3, bucket, MODELS_PREFIX)]
    return sorted(
        key.removeprefix(MODELS_PREFIX).removesuffix(f"/{VERDICT_FILE}")
        for key in keys
        if key.endswith(f"/{VERDICT_FILE}")
    )


def folder_of_version(bucket: str, version: str) -> Location:
    """Return where the files of a model version are."""
    return Location(bucket, f"{MODELS_PREFIX}{version}/")


def keep_verdict(
    s3: S3Client, bucket: str, version: str, name: str, verdict: Mapping[str, Any]
) -> None:
    """Write a verdict beside the version's files, in the place of an earlier one."""
    place = folder_of_version(bucket, version) / name
    s3.put_object(Bucket=place.bucket, Key=place.key, Body=json.dumps(verdict, indent=2).encode())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def unpack_model_archive(archive: bytes) -> dict[str, bytes]:
    """Take the files of a version out of SageMaker's ``model.tar.gz``, in memory.

    Raises
    ------
    InvalidModelVersion
        When a member is not a plain file of `VERSION_FILES`, is too large, or is missing, or when
        a file differs from its digest in the manifest.
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
                        f"the archive holds {name!r}, which is no model file or a second one"
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
