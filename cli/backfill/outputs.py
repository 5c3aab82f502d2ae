"""Outputs for predictions: a new file, or a new prefix in S3."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.options import require_new
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import Location, exists, put_if_absent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BACKFILLS_PREFIX = "backfills/"
"""The only prefix for backfills in the stack's buckets."""
SUMMARY_FILE = "summary.json"
_LINES_A_PART = 10_000


class Output(Protocol):
    """An output of lines that ends with the summary; without one, the backfill was interrupted."""

    def __enter__(self) -> Output: ...

    def write(self, lines: Sequence[str]) -> None: ...

    def finish(self, summary: Mapping[str, Any]) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def output_at(target: Target, address: str) -> Output:
    """Return the output at an address, after checking that nothing exists there.

    Raises
    ------
    OperatorError
        When something exists there, or the address is in a prefix of the stack's own data.
    """
    if not address.startswith("s3://"):
        return FileOutput(Path(address))
    try:
        place = Location.parse(address)
    except ValueError as error:
        raise OperatorError(f"{error}.") from None
    prefix = Location(place.bucket, f"{place.key.strip('/')}/")
    _refuse_the_stack_s_own(target, prefix)
    return PrefixOutput(target.client("s3"), prefix)


def _refuse_the_stack_s_own(target: Target, prefix: Location) -> None:
    archive = target.output(stack_outputs.ARCHIVE_BUCKET)
    own = {target.output(bucket) for bucket in stack_outputs.BUCKETS}
    own.add(target.outputs.get(stack_outputs.LABEL_QUEUE_BUCKET, archive))
    below = prefix.key.removeprefix(BACKFILLS_PREFIX)
    if prefix.bucket == archive and below not in ("", prefix.key):
        return
    if prefix.bucket in own:
        raise OperatorError(
            f"{prefix} holds the stack's own data; in its buckets, write backfills to "
            f"s3://{archive}/{BACKFILLS_PREFIX} and a name."
        )
    if prefix.key == "/":
        raise OperatorError(f"{prefix} has no prefix; add one to s3://{prefix.bucket}/.")


class FileOutput:
    """A JSON Lines file that appears when complete; gzipped if its name ends in .gz."""

    def __init__(self, path: Path):
        require_new(path, "--out")
        if not path.parent.is_dir():
            raise OperatorError(
                f"The folder {path.parent} does not exist; make it, or give another --out."
            )
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial")
        self._files = ExitStack()

    def __enter__(self) -> FileOutput:
        try:
            file = self._files.enter_context(self._partial.open("xb"))
        except FileExistsError:
            raise OperatorError(
                f"{self._partial} exists: another backfill is writing it, or one was killed; "
                "delete it then, or give another --out."
            ) from None
        self._file: IO[bytes] | gzip.GzipFile = file
        if self._path.suffix == ".gz":
            self._file = self._files.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0))
        return self

    def write(self, lines: Sequence[str]) -> None:
        self._file.writelines(f"{line}\n".encode() for line in lines)

    def finish(self, summary: Mapping[str, Any]) -> None:  # noqa: ARG002 - it is on the terminal
        self._files.close()
        self._partial.rename(self._path)

    def __exit__(self, *_: object) -> None:
        try:
            self._files.close()
        finally:  # on a full disk, closing fails as well
            self._partial.unlink(missing_ok=True)


class PrefixOutput:
    """Gzipped parts under a prefix; a summary marks them as complete."""

    def __init__(self, s3: S3Client, prefix: Location):
        if exists(s3, prefix):
            raise OperatorError(f"{prefix} already holds objects; give another --out.")
        self._s3 = s3
        self._prefix = prefix
        self._parts = 0
        self._lines: list[str] = []

    def __enter__(self) -> PrefixOutput:
        return self

    def write(self, lines: Sequence[str]) -> None:
        self._lines += lines
        while len(self._lines) >= _LINES_A_PART:
            self._put_part(self._lines[:_LINES_A_PART])
            del self._lines[:_LINES_A_PART]

    def finish(self, summary: Mapping[str, Any]) -> None:
        if self._lines:
            self._put_part(self._lines)
        self._put(SUMMARY_FILE, json.dumps(summary).encode() + b"\n")

    def __exit__(self, *_: object) -> None:
        """Leave the written parts: the missing summary marks them as incomplete."""

    def _put_part(self, lines: Sequence[str]) -> None:
        body = "".join(f"{line}\n" for line in lines).encode()
        packed = gzip.compress(body, compresslevel=1, mtime=0)
        self._put(f"part-{self._parts:05}.jsonl.gz", packed)
        self._parts += 1

    def _put(self, name: str, body: bytes) -> None:
        if not put_if_absent(self._s3, self._prefix / name, body):
            raise OperatorError(
                f"{self._prefix} is being written by another backfill; give another --out."
            )
