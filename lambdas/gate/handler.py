"""Gate: publishes what a training job delivered as a model version, and judges it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from stresswatch.artefact import Artefact
from stresswatch.champion import load_model, read_pointer
from stresswatch.datasets import read_training_set
from stresswatch.discretion import discreet
from stresswatch.environment import setting
from stresswatch.gate import decide
from stresswatch.s3 import Location
from stresswatch.splits import is_evaluation_post
from stresswatch.versions import (
    MANIFEST_FILE,
    MODEL_FILE,
    InvalidModelVersion,
    Manifest,
    sha256,
    unpack_model_archive,
)

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client

logger = Logger()


@logger.inject_lambda_context
@discreet
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer the verdict on a challenger, and what a promotion would point to.

    Raises
    ------
    InvalidModelVersion, CorruptArtefact
        When the training job delivered something else than the model version it was asked for.
    """
    s3 = boto3.client("s3")
    source = Location.parse(event["model_artifact_uri"])
    archive = s3.get_object(Bucket=source.bucket, Key=source.key)["Body"].read()
    files = unpack_model_archive(archive)
    version = event["version"]
    if (named := Manifest.from_bytes(files[MANIFEST_FILE]).version) != version:
        raise InvalidModelVersion(f"the training job delivered {named}, not {version}")
    challenger = Artefact.from_bytes(files[MODEL_FILE])
    folder = Location(setting("MODEL_BUCKET"), f"models/{version}/")
    _publish(s3, folder, files)

    pointer = read_pointer(boto3.client("ssm"), setting("CHAMPION_PARAMETER"))
    champion = load_model(s3, pointer).artefact if pointer else None
    posts = read_training_set(s3, Location.parse(event["dataset_uri"]))
    verdict = decide(
        challenger, champion, [post for post in posts if is_evaluation_post(post.post.post_id)]
    )
    logger.info("verdict", version=version, accepted=verdict.accepted)
    return {
        "version": version,
        "uri": str(folder),
        "sha256": sha256(files[MODEL_FILE]),
        "parent": pointer.version if pointer else "",
        **verdict.as_dict(),
    }


def _publish(s3: S3Client, folder: Location, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        bucket, key = folder / name
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            # A version is immutable. The same file again comes from a retry, and is no change.
            if s3.get_object(Bucket=bucket, Key=key)["Body"].read() != content:
                raise InvalidModelVersion(f"{folder / name} exists and differs") from error
