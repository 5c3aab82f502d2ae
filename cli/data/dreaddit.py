"""The Dreaddit data set: labelled segments of Reddit posts (Turcan and McKeown, 2019).

Several segments of one post share its id. The data set is fetched or brought by its user and never
shipped with the project.
https://aclanthology.org/D19-6213/
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

from cli.errors import OperatorError
from stresswatch.posts import NUMERIC_FEATURES, InvalidPost, LabelledPost, parse_record

TRAIN_FILE = "dreaddit-train.csv"
TEST_FILE = "dreaddit-test.csv"

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
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OperatorError(
            f"{name} is not UTF-8 from byte {error.start} on; save it as UTF-8, for example with "
            "`iconv -f WINDOWS-1252 -t UTF-8`."
        ) from error
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if missing := [column for column in _COLUMNS if column not in (rows.fieldnames or ())]:
            raise OperatorError(f"{name} is not Dreaddit: it lacks {', '.join(missing)}.")
        posts = [_post(row, f"{name}, line {rows.line_num}") for row in rows]
    except csv.Error as error:
        raise OperatorError(f"{name}, line {rows.line_num}: {error}.") from error
    if not posts:
        raise OperatorError(f"{name} holds no row.")
    return posts


def _post(row: dict[str, str], place: str) -> LabelledPost:
    record = {
        "post_id": row["post_id"],
        "text": row["text"],
        "source": row["subreddit"],
        "created_at": _moment(row["social_timestamp"], place),
        "label": {"0": 0, "1": 1}.get(row["label"]),
    }
    numbers = {
        name: _number(row[name], name, place)
        for name in (*NUMERIC_FEATURES, "confidence")
        if row.get(name)
    }
    try:
        return parse_record(record | numbers)
    except InvalidPost as error:
        raise OperatorError(f"{place}: {error.detail}.") from error


def _number(value: str, column: str, place: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise OperatorError(f"{place}: {column} is no number.") from None


def _moment(timestamp: str, place: str) -> str:
    try:
        return datetime.fromtimestamp(float(timestamp), UTC).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        raise OperatorError(f"{place}: social_timestamp is no time in seconds.") from None
