"""The Dreaddit data set: labelled segments of Reddit posts (Turcan and McKeown, 2019).

The data set is fetched or brought by its user and never shipped with the project.
https://aclanthology.org/D19-6213/
"""

from __future__ import annotations

import csv
import io
import urllib.error
import urllib.request
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from cli.errors import OperatorError
from stresswatch.posts import NUMERIC_FEATURES, InvalidPost, LabelledPost, parse_record

TRAIN_FILE = "dreaddit-train.csv"
FILES = (TRAIN_FILE, "dreaddit-test.csv")
ADDRESS = "http://www.cs.columbia.edu/~eturcan/data/dreaddit.zip"
MAXIMUM_BYTES = 50 * 1024 * 1024
_COLUMNS = ("post_id", "text", "label", "subreddit", "social_timestamp", *NUMERIC_FEATURES)


def read_csv(path: Path) -> list[LabelledPost]:
    """Read one of the data set's files.

    Raises
    ------
    OperatorError
        When the file is not there, is not UTF-8, lacks a column or a row, or has an invalid row.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from error
    return parse_csv(content, str(path))


def parse_csv(content: bytes, name: str) -> list[LabelledPost]:
    """Parse the content of one of the data set's files; `name` is for the errors."""
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
    except UnicodeDecodeError as error:
        raise OperatorError(
            f"{name} is not UTF-8: byte {error.start} is {error.reason}."
        ) from error
    if missing := [column for column in _COLUMNS if column not in (rows.fieldnames or ())]:
        raise OperatorError(f"{name} is not Dreaddit: it lacks the column {', '.join(missing)}.")
    posts = [_post(row, f"{name}, line {rows.line_num}") for row in rows]
    if not posts:
        raise OperatorError(f"{name} holds no row.")
    return posts


def fetch(source: str, directory: Path) -> dict[str, int]:
    """Bring the data set from a zip or CSV, a file or an address, into a directory.

    Nothing is written unless every file found is valid.

    Returns
    -------
    dict of str to int
        Rows by file.

    Raises
    ------
    OperatorError
        When the source cannot be read, or is not the data set.
    """
    found = _files(source, _read(source))
    rows = {name: len(parse_csv(content, name)) for name, content in found.items()}
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in found.items():
        part = directory / f"{name}.part"
        part.write_bytes(content)
        part.replace(directory / name)
    return rows


def _post(row: dict[str, str], place: str) -> LabelledPost:
    try:
        numbers = {name: float(row[name]) for name in NUMERIC_FEATURES if row[name]}
        moment = datetime.fromtimestamp(float(row["social_timestamp"]), UTC)
        return parse_record(
            {
                "post_id": row["post_id"],
                "text": row["text"],
                "source": row["subreddit"],
                "created_at": moment.isoformat(),
                "label": int(row["label"]),
            }
            | numbers
        )
    except (InvalidPost, ValueError, TypeError) as error:
        reason = error.detail if isinstance(error, InvalidPost) else "a number cannot be read"
        raise OperatorError(f"{place}: {reason}.") from error


def _read(source: str) -> bytes:
    try:
        if "://" not in source:
            path = Path(source)
            if path.stat().st_size > MAXIMUM_BYTES:
                raise OperatorError(f"{source} is over {MAXIMUM_BYTES:,} bytes: not Dreaddit.")
            return path.read_bytes()
        if not source.startswith(("http://", "https://", "file://")):
            raise OperatorError(f"{source} is no http, https or file address.")
        with urllib.request.urlopen(source, timeout=60) as answer:  # noqa: S310 - checked above
            content: bytes = answer.read(MAXIMUM_BYTES + 1)
    except (OSError, urllib.error.URLError) as error:
        raise OperatorError(
            f"{source} cannot be read ({error}); download the data set by hand and give the file "
            "with --from."
        ) from error
    if len(content) > MAXIMUM_BYTES:
        raise OperatorError(f"{source} is over {MAXIMUM_BYTES:,} bytes: not Dreaddit.")
    return content


def _files(source: str, content: bytes) -> dict[str, bytes]:
    """Take the data set's files out of a zip, by name alone: no path of the zip is followed."""
    if not content.startswith(b"PK"):
        name = source.rpartition("/")[2]
        return {name if name in FILES else TRAIN_FILE: content}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {info.filename.rpartition("/")[2]: info for info in archive.infolist()}
            wanted = {name: members[name] for name in FILES if name in members}
            if TRAIN_FILE not in wanted:
                raise OperatorError(f"{source} holds no {TRAIN_FILE}.")
            if sum(info.file_size for info in wanted.values()) > MAXIMUM_BYTES:
                raise OperatorError(f"{source} unpacks to over {MAXIMUM_BYTES:,} bytes.")
            return {name: archive.read(info) for name, info in wanted.items()}
    except zipfile.BadZipFile as error:
        raise OperatorError(f"{source} is a damaged zip: {error}.") from error
