"""The file to score: uploaded to the stack's bucket as JSON Lines, which can be split."""

from __future__ import annotations

import hashlib
from codecs import BOM_UTF8
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError
from rich.console import Console

from cli.deployment.target import Target
from cli.errors import FileRefused, OperatorError
from cli.post_files import CheckReport, PostFile, refuse, watched
from stresswatch.aws import stack_outputs
from stresswatch.aws.identifiers import OBJECT_NAME
from stresswatch.aws.s3 import ABSENT, Location, error_code
from stresswatch.serving.batch_scoring import PREFIX

_DIGEST = "sha256"
_HEAD_BYTES = 4096


@dataclass(frozen=True)
class Input:
    """A JSON Lines object in the training bucket, in its present version."""

    key: str
    etag: str
    size: int


def input_at(console: Console, target: Target, address: str) -> Input:
    """Find a file, or first upload it to the stack's bucket.

    JSON Lines below ``scoring/`` in the training bucket are scored in place. Any other file is
    checked, and uploaded there as JSON Lines.

    Raises
    ------
    OperatorError
        When the file does not exist, is rejected, has no post, or its name is taken.
    """
    place = _place(address)
    name = address.rpartition("/")[2]
    if place is None:
        return _brought(console, target, Path(address), PREFIX + OBJECT_NAME.encode(name))
    found = _head(target, place)
    if found is None:
        raise OperatorError(f"There is no object {place}.")
    if not found["ContentLength"]:
        raise OperatorError(f"{place} holds no post.")
    own_bucket = target.output(stack_outputs.TRAINING_BUCKET)
    is_ours = place.bucket == own_bucket and place.key.startswith(PREFIX)
    if is_ours and _is_json_lines(target, place):
        return Input(place.key, found["ETag"], found["ContentLength"])
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        target.client("s3").download_file(place.bucket, place.key, str(path))
        key = f"{place.key}.jsonl" if is_ours else PREFIX + OBJECT_NAME.encode(name)
        try:
            return _brought(console, target, path, key)
        except FileRefused as error:
            said = str(error).replace(str(path), str(place))
            raise FileRefused(error.reason, said) from error


def _is_json_lines(target: Target, place: Location) -> bool:
    """Return whether an object begins as JSON Lines in UTF-8, as the functions need."""
    head: bytes = (
        target.client("s3")
        .get_object(Bucket=place.bucket, Key=place.key, Range=f"bytes=0-{_HEAD_BYTES - 1}")["Body"]
        .read()
    )
    return head.removeprefix(BOM_UTF8).lstrip().startswith(b"{")


def _place(address: str) -> Location | None:
    """Parse an S3 address; None for a file."""
    try:
        return Location.parse(address) if address.startswith("s3://") else None
    except ValueError as error:
        raise OperatorError(f"{error}.") from None


def _brought(console: Console, target: Target, path: Path, key: str) -> Input:
    """Check a file, and upload it as JSON Lines under a key, unless it exists there."""
    file = PostFile(path)
    report = CheckReport()
    with TemporaryDirectory() as folder:
        lines = Path(folder) / "lines.jsonl"
        with lines.open("wb") as written:
            for row in watched(file.rows(), file, console, "Checking"):
                report.add(row)
                written.write(row.data + b"\n")
        refuse(file, report)
        for note in report.notes():
            console.print(note, markup=False, highlight=False, soft_wrap=True)
        return _uploaded(target, lines, key if _is_named(key) else f"{key}.jsonl")


def _is_named(key: str) -> bool:
    return key.lower().endswith((".jsonl", ".ndjson"))


def _uploaded(target: Target, path: Path, key: str) -> Input:
    place = Location(target.output(stack_outputs.TRAINING_BUCKET), key)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    found = _head(target, place)
    if found is None:
        try:
            target.client("s3").upload_file(
                str(path), place.bucket, key, ExtraArgs={"Metadata": {_DIGEST: digest}}
            )
        except S3UploadFailedError as error:
            raise OperatorError(f"{error}.") from error
        found = _head(target, place)
        assert found  # noqa: S101 - it was just written
    elif found["Metadata"].get(_DIGEST) != digest:
        raise OperatorError(f"{place} exists already with other content; rename yours.")
    return Input(key, found["ETag"], found["ContentLength"])


def _head(target: Target, place: Location) -> Any:
    try:
        return target.client("s3").head_object(Bucket=place.bucket, Key=place.key)
    except ClientError as error:
        code = error_code(error)
        if code in (*ABSENT, "NoSuchBucket"):
            return None
        if code in ("403", "AccessDenied"):
            raise OperatorError(
                f"You may not read {place}: grant s3:GetObject on it, and s3:ListBucket "
                "to check whether it exists."
            ) from error
        raise
