"""A version's scoring files: its arrays, and its scikit-learn pipeline if it has one.

The pointer has the SHA-256 of `MODEL_FILE`, and that file has the pipeline's. One digest verifies
both, and a version without a pipeline needs one request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from stresswatch.aws.s3 import Location
from stresswatch.errors import InvalidInput
from stresswatch.model.artefact import Artefact
from stresswatch.model.artefact_file import MAXIMUM_ARTEFACT_BYTES, CorruptArtefact
from stresswatch.model.scorer import (
    MAXIMUM_PIPELINE_BYTES,
    OtherLabel,
    Scorer,
    ScorerKind,
    require_allowed,
)
from stresswatch.task.definition import TASK
from stresswatch.versions.model_version import MODEL_FILE, PIPELINE_FILE, sha256

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from stresswatch.versions.champion import Pointer

ReadPipeline = Callable[[str], bytes]
"""Returns the pipeline's file, if it has this SHA-256."""


class DigestMismatch(InvalidInput):
    """The model file's digest differs from the pointer's."""


def read_scorer(s3: S3Client, pointer: Pointer, allowed: ScorerKind) -> Scorer:
    """Read the pointer's model.

    Raises
    ------
    DigestMismatch
        When a file's digest differs from the pointer's, or from the model file's entry.
    CorruptArtefact
        When a file is not a model, or too large.
    ScorerNotAllowed
        When it is a pipeline, but only arrays are allowed.
    OtherLabel
        When it predicts another label than the task's.
    """
    artefact = _read_artefact(s3, pointer)
    return scorer_of(artefact, lambda digest: _read_pipeline(s3, pointer, digest), allowed)


def verify_model(
    s3: S3Client, pointer: Pointer, allowed: ScorerKind = ScorerKind.SCIKIT_LEARN
) -> None:
    """Check that a version can serve, without the dependencies for scoring a pipeline.

    Raises
    ------
    DigestMismatch, CorruptArtefact, ScorerNotAllowed, OtherLabel
        As `read_scorer` does.
    """
    artefact = _read_artefact(s3, pointer)
    _require_servable(artefact, allowed)
    if artefact.pipeline_sha256:
        _read_pipeline(s3, pointer, artefact.pipeline_sha256)


def scorer_of(artefact: Artefact, read_pipeline: ReadPipeline, allowed: ScorerKind) -> Scorer:
    """Return the artefact, or the pipeline if that scores instead.

    Raises
    ------
    ScorerNotAllowed
        When it is a pipeline, but only arrays are allowed.
    OtherLabel
    CorruptArtefact
    """
    _require_servable(artefact, allowed)
    if not artefact.pipeline_sha256:
        return artefact
    data = read_pipeline(artefact.pipeline_sha256)
    # Only functions in the container image have scikit-learn.
    from stresswatch.model.sklearn_scorer import SklearnScorer

    return SklearnScorer.read(data, artefact)


def _require_servable(artefact: Artefact, allowed: ScorerKind) -> None:
    if artefact.predicts not in ("", TASK.label.meaning):
        raise OtherLabel(artefact.predicts)
    kind = ScorerKind.SCIKIT_LEARN if artefact.pipeline_sha256 else ScorerKind.ARRAYS
    require_allowed(kind, allowed)


def _read_artefact(s3: S3Client, pointer: Pointer) -> Artefact:
    data = _read(s3, pointer, MODEL_FILE, MAXIMUM_ARTEFACT_BYTES)
    _require_digest(data, MODEL_FILE, pointer.version, pointer.sha256, "the champion pointer")
    return Artefact.from_bytes(data)


def _read_pipeline(s3: S3Client, pointer: Pointer, digest: str) -> bytes:
    data = _read(s3, pointer, PIPELINE_FILE, MAXIMUM_PIPELINE_BYTES)
    _require_digest(data, PIPELINE_FILE, pointer.version, digest, f"its {MODEL_FILE}")
    return data


def _read(s3: S3Client, pointer: Pointer, name: str, maximum: int) -> bytes:
    bucket, key = Location.parse(pointer.uri) / name
    data = s3.get_object(Bucket=bucket, Key=key)["Body"].read(maximum + 1)
    if len(data) > maximum:
        raise CorruptArtefact(f"{name} of {pointer.version} has over {maximum:,} bytes")
    return data


def _require_digest(data: bytes, name: str, version: str, expected: str, said_by: str) -> None:
    if (digest := sha256(data)) != expected:
        raise DigestMismatch(
            f"{name} of {version} has SHA-256 {digest[:12]}…, {said_by} says {expected[:12]}…"
        )
