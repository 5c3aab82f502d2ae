"""Base data in S3: list the sets, add one, or replace them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from cli.deployment.client import DeploymentClient
from cli.errors import OperatorError
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import Location, exists, listed
from stresswatch.storage.training_sets import BASE_PREFIX, LABELS_PREFIX
from stresswatch.storage.training_sources import base_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_AT_ONCE = 1000
"""Maximum number of objects in one deletion request."""


@dataclass(frozen=True)
class Stored:
    """A set of base data as S3 lists it."""

    key: str
    size: int
    uploaded_at: datetime

    @property
    def name(self) -> str:
        return base_name(self.key)

    def __str__(self) -> str:
        return f"{self.name} ({readable_size(self.size)})"


def readable_size(size: int) -> str:
    """Return a number of bytes in MB or KB."""
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} KB"


def name_of(file: Path) -> str:
    """Return the name of a file's set: the file name without its endings."""
    is_gzipped = file.suffix.lower() == ".gz"
    return Path(file.stem).stem if is_gzipped else file.stem


def stored(deployment: DeploymentClient) -> list[Stored]:
    """List the sets of base data, without folder objects that the S3 console makes."""
    s3 = deployment.target.client("s3")
    bucket = deployment.target.output(stack_outputs.TRAINING_BUCKET)
    return [
        Stored(found["Key"], found["Size"], found["LastModified"])
        for found in listed(s3, bucket, BASE_PREFIX)
        if not found["Key"].endswith("/")
    ]


def settle(
    console: Console,
    deployment: DeploymentClient,
    address: str,
    before: Sequence[Stored],
    *,
    replace: bool,
) -> None:
    """Print the base data after the upload of a set, and its changes.

    With `replace`, delete the other sets. The new set exists by then, so a retraining always finds
    one.

    Raises
    ------
    OperatorError
        When S3 does not delete a set.
    """
    s3 = deployment.target.client("s3")
    bucket = deployment.target.output(stack_outputs.TRAINING_BUCKET)
    own = Location.parse(address).key

    def say(sentence: str, style: str | None = None) -> None:
        console.print(sentence, style=style, markup=False, highlight=False, soft_wrap=True)

    for one in before:
        if one.key == own:
            say(f"The set with this name, uploaded {one.uploaded_at:%Y-%m-%d %H:%M}, was replaced.")
    others = [one for one in stored(deployment) if one.key != own]
    if replace:
        _delete(s3, bucket, others)
        names = f"Deleted: {', '.join(map(str, others))}. " if others else ""
        say(f"{names}This set is all base data now.")
        if exists(s3, Location(bucket, LABELS_PREFIX)):
            say(f"Labels under {LABELS_PREFIX} stay, and models learn from them too.")
    elif others:
        say(
            f"Base data has {len(others) + 1} sets, and models learn from all of them: this one, "
            f"{', '.join(map(str, others))}. To delete the others: seed --replace.",
            "yellow",
        )
    else:
        say("This set is all base data now.")


def _delete(s3: S3Client, bucket: str, sets: Iterable[Stored]) -> None:
    keys = [one.key for one in sets]
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        answer = s3.delete_objects(
            Bucket=bucket, Delete={"Objects": [{"Key": key} for key in part], "Quiet": True}
        )
        for error in answer.get("Errors", ()):
            raise OperatorError(
                f"{error['Key']} cannot be deleted ({error['Message']}). The new set is there, and "
                "models learn from both until the same command is run again."
            )
