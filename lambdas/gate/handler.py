"""Gate: publishes a training job's output as a model version, and judges it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from stresswatch.aws.redaction import redact_errors
from stresswatch.aws.s3 import Location, exists, put_if_absent, read
from stresswatch.model.artefact import Artefact
from stresswatch.model.artefact_file import CorruptArtefact
from stresswatch.model.scorer import OtherLabel, ScorerNotAllowed
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.retraining.contenders import Contender
from stresswatch.retraining.environments import GateEnvironment
from stresswatch.retraining.gate import decide
from stresswatch.retraining.scorer_checks import not_allowed
from stresswatch.retraining.verdict import Basis, Verdict
from stresswatch.storage.training_sets import POSTS_FILE, folder_of_training_set, read_training_set
from stresswatch.versions.champion import Pointer, load_model, read_pointer
from stresswatch.versions.model_files import scorer_of
from stresswatch.versions.model_version import (
    MANIFEST_FILE,
    MODEL_FILE,
    PIPELINE_FILE,
    VERDICT_FILE,
    InvalidModelVersion,
    Manifest,
    folder_of_version,
    sha256,
    unpack_model_archive,
)

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the verdict on a challenger, the pointer for a promotion, and the next steps.

    ``training`` is SageMaker's description of the job. The verdict is stored with the version's
    files; a retry returns it again.

    Raises
    ------
    InvalidModelVersion, CorruptArtefact
        When the training job's output is not the requested model version.
    """
    environment = GateEnvironment.parse(os.environ)
    metrics.set_default_dimensions(**{dimension_names.STAGE: environment.stage})
    s3, training = boto3.client("s3"), event["training"]
    archive = Location.parse(training["ModelArtifacts"]["S3ModelArtifacts"])
    files = unpack_model_archive(read(s3, archive))
    version = event["version"]
    manifest = Manifest.from_bytes(files[MANIFEST_FILE])
    if manifest.version != version:
        raise InvalidModelVersion(f"the training job produced {manifest.version}, not {version}")
    artefact = Artefact.from_bytes(files[MODEL_FILE])
    folder = folder_of_version(environment.model_bucket, version)
    for name, content in files.items():
        _put_once(s3, folder / name, content)
    champion = read_pointer(boto3.client("ssm"), environment.champion_parameter)
    if not exists(s3, folder / VERDICT_FILE):
        data = Location.parse(event["dataset_uri"])
        verdict = _judge(s3, environment, artefact, files, champion, data)
        _put_once(s3, folder / VERDICT_FILE, json.dumps(verdict, indent=2).encode() + b"\n")
        _count(verdict, training)
    verdict = json.loads(read(s3, folder / VERDICT_FILE))
    logger.info("verdict", version=version, accepted=verdict["accepted"])
    has_parent = champion is not None and champion.version == verdict["parent"]
    is_compared = verdict["basis"] != Basis.ALONE
    return {
        "version": version,
        "uri": str(folder),
        "sha256": sha256(files[MODEL_FILE]),
        # Without a comparable champion there is nothing to shadow.
        "shadow_seconds": environment.shadow_seconds if is_compared else 0,
        "probation_seconds": environment.probation_seconds if has_parent and is_compared else 0,
        "champion": asdict(champion) if champion and has_parent else None,
        "requires_approval": environment.requires_approval,
        "suspicious_labels": manifest.posts["suspicious"],
        **verdict,
    }


def _count(verdict: Mapping[str, Any], training: Mapping[str, Any]) -> None:
    """Count a new verdict, and the job's billed seconds; a retry counts neither."""
    accepted = int(verdict["accepted"])
    metrics.add_metric(metric_names.CHALLENGERS_ACCEPTED, MetricUnit.Count, accepted)
    metrics.add_metric(metric_names.CHALLENGERS_REJECTED, MetricUnit.Count, 1 - accepted)
    if seconds := training.get("BillableTimeInSeconds"):
        metrics.add_metric(metric_names.TRAINING_SECONDS, MetricUnit.Seconds, seconds)


def _judge(
    s3: S3Client,
    environment: GateEnvironment,
    artefact: Artefact,
    files: Mapping[str, bytes],
    pointer: Pointer | None,
    data: Location,
) -> dict[str, Any]:
    try:
        scorer = scorer_of(artefact, partial(_pipeline, files), environment.scorer)
    except ScorerNotAllowed as error:
        manifest = Manifest.from_bytes(files[MANIFEST_FILE])
        verdict = not_allowed(error, manifest.not_exportable)
    else:
        challenger = Contender(scorer, read_training_set(s3, data))
        verdict = _verdict(s3, environment, challenger, pointer, data)
    return {
        "parent": pointer.version if pointer else "",
        "basis": verdict.basis,
        "remark": verdict.remark,
        **verdict.as_dict(),
    }


def _verdict(
    s3: S3Client,
    environment: GateEnvironment,
    challenger: Contender,
    pointer: Pointer | None,
    data: Location,
) -> Verdict:
    rules = environment.gate_rules
    if pointer is None:
        return decide(challenger, None, rules)
    try:
        champion = _champion(s3, environment, pointer, data)
    except (CorruptArtefact, OtherLabel, ScorerNotAllowed) as error:
        # The predictor cannot load it either. A new model resolves this, without a comparison.
        remark = f"The champion cannot be compared, so only the challenger was judged: {error}."
        return replace(decide(challenger, None, rules), remark=remark)
    return decide(challenger, champion, rules)


def _champion(
    s3: S3Client, environment: GateEnvironment, pointer: Pointer, data: Location
) -> Contender:
    """Load the champion with its training posts, if these still exist.

    Raises
    ------
    OtherLabel, CorruptArtefact, ScorerNotAllowed
    """
    learned_from = folder_of_training_set(data.bucket, pointer.version)
    return Contender(
        load_model(s3, pointer, environment.scorer).scorer,
        read_training_set(s3, learned_from) if exists(s3, learned_from / POSTS_FILE) else [],
    )


def _pipeline(files: Mapping[str, bytes], digest: str) -> bytes:
    pipeline = files.get(PIPELINE_FILE, b"")
    if sha256(pipeline) != digest:
        raise InvalidModelVersion(f"{PIPELINE_FILE} is not the file that {MODEL_FILE} names")
    return pipeline


def _put_once(s3: S3Client, place: Location, content: bytes) -> None:
    # A version is immutable. The same file again comes from a retry.
    if not put_if_absent(s3, place, content) and read(s3, place) != content:
        raise InvalidModelVersion(f"{place} exists and differs")
