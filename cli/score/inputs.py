"""The file to score: brought into the stack's bucket as JSON Lines, which can be cut anywhere."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from cli.errors import OperatorError
from cli.produce import check_is_file, read_records
from cli.targets import Target
from stresswatch.identifiers import OBJECT_NAME
from stresswatch.posts import NUMERIC_FEATURES
from stresswatch.s3 import Location
from stresswatch.scoring import PREFIX

_JSON_LINES = (".jsonl", ".ndjson")
_CONVERTED = (".csv", ".parquet")
_REQUIRED = ("post_id", "text")
_NAMES = ("post_id", "source")
"""Where tables have numbers for names, as they often do, these are texts, as in a CSV."""
_OPTIONAL = (*NUMERIC_FEATURES, "source", "created_at")
_DIGEST = "sha256"
_ABSENT = ("404", "NoSuchBucket", "NoSuchKey")


@dataclass(frozen=True)
class Input:
    """An object of JSON Lines in the training bucket, as it is now."""

    key: str
    etag: str
    size: int


def input_at(target: Target, address: str) -> Input:
    """Find a file, or bring it into the stack's bucket first.

    JSON Lines that lie below ``scoring/`` in the training bucket are scored where they are. Any
    other file is written there: CSV and Parquet as JSON Lines.

    Raises
    ------
    OperatorError
        When there is no such file, it holds no post or lacks columns, or its name is taken.
    """
    place = _place(address)
    if _suffix(address) not in (*_JSON_LINES, *_CONVERTED):
        raise OperatorError(
            f"{address} is no file of posts: its name must end in "
            f"{', '.join((*_JSON_LINES, *_CONVERTED))}."
        )
    name = address.rpartition("/")[2]
    if place is None:
        return _brought(target, Path(address), PREFIX + OBJECT_NAME.encode(name))
    found = _head(target, place)
    if found is None:
        raise OperatorError(f"There is no object {place}.")
    if not found["ContentLength"]:
        raise OperatorError(f"{place} holds no post.")
    is_ours = place.bucket == target.output("TrainingBucketName") and place.key.startswith(PREFIX)
    if is_ours and _suffix(name) in _JSON_LINES:
        return Input(place.key, found["ETag"], found["ContentLength"])
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        target.client("s3").download_file(place.bucket, place.key, str(path))
        return _brought(target, path, place.key if is_ours else PREFIX + OBJECT_NAME.encode(name))


def _place(address: str) -> Location | None:
    """Read an address in S3; None for a file."""
    try:
        return Location.parse(address) if address.startswith("s3://") else None
    except ValueError as error:
        raise OperatorError(f"{error}.") from None


def _brought(target: Target, path: Path, key: str) -> Input:
    """Upload a file under a key, unless the same is there already."""
    check_is_file(path)
    if _suffix(path.name) in _JSON_LINES:
        return _uploaded(target, path, key)
    with TemporaryDirectory() as folder:
        lines = Path(folder) / "lines.jsonl"
        with lines.open("wb") as file:
            file.writelines(b"%s\n" % line for line in _lines(path))
        return _uploaded(target, lines, f"{key}.jsonl")


def _uploaded(target: Target, path: Path, key: str) -> Input:
    place = Location(target.output("TrainingBucketName"), key)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    found = _head(target, place)
    if found is None:
        if not path.stat().st_size:
            raise OperatorError(f"{key.removeprefix(PREFIX)} holds no post.")
        try:
            target.client("s3").upload_file(
                str(path), place.bucket, key, ExtraArgs={"Metadata": {_DIGEST: digest}}
            )
        except S3UploadFailedError as error:
            raise OperatorError(f"{error}.") from error
        found = _head(target, place)
        assert found  # noqa: S101 - it was just written
    elif found["Metadata"].get(_DIGEST) != digest:
        raise OperatorError(f"{place} is there already, and is another file; rename yours.")
    return Input(key, found["ETag"], found["ContentLength"])


def _lines(path: Path) -> Iterator[bytes]:
    if _suffix(path.name) == ".parquet":
        return _parquet_lines(path)
    return (record.data for record in read_records(path))


def _parquet_lines(path: Path) -> Iterator[bytes]:
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if missing := [name for name in _REQUIRED if name not in names]:
                raise OperatorError(f"{path.name} lacks the column {' and '.join(missing)}.")
            if not file.metadata.num_rows:
                raise OperatorError(f"{path.name} holds no post.")
            columns = [name for name in (*_REQUIRED, *_OPTIONAL) if name in names]
            for batch in file.iter_batches(columns=columns):
                for row in _rows(batch, path.name):
                    yield json.dumps(_post(row), default=str).encode()
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # Arrow's own, of damaged pages, have none
            raise
        raise OperatorError(f"{path.name} is no Parquet file, or a damaged one.") from error


def _rows(batch: pa.RecordBatch, name: str) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (ValueError, OverflowError) as error:
        raise OperatorError(
            f"{name} has texts that are not UTF-8, or dates beyond the year 9999; correct it first."
        ) from error
    return rows


def _post(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a row lacks; whatever else is in it, the scoring judges."""
    return {
        name: _plain(name, value)
        for name, value in row.items()
        if value is not None and not (isinstance(value, float) and math.isnan(value))
    }


def _plain(name: str, value: object) -> object:
    match value:
        case int() if name in _NAMES:
            return str(value)
        case date():
            return value.isoformat()
        case bytes():  # a text, as files without logical types have it
            return value.decode(errors="surrogateescape")
        case Decimal():
            return float(value)
    return value


def _head(target: Target, place: Location) -> Any:
    try:
        return target.client("s3").head_object(Bucket=place.bucket, Key=place.key)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _ABSENT:
            return None
        if code in ("403", "AccessDenied"):
            raise OperatorError(
                f"You may not read {place}: s3:GetObject on it, and s3:ListBucket to hear whether "
                "it is there."
            ) from error
        raise


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()
