"""The newest label of each post in one Parquet object, for joins in Athena.

Each label file is read once: the table's metadata has the fingerprints of included files, so a year
of files is never reread. The newest label is chosen as in `assemble`. If a file is rewritten or
deleted, for example by ``stresswatch forget``, the table is rebuilt without its labels. Concurrent
writers never overwrite each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from stresswatch.aws.s3 import Location, exists, listed, put_if_unchanged
from stresswatch.contracts.identity import text_digest
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.errors import AwsFailure
from stresswatch.monitoring.folded_files import FoldedFiles, fingerprint_of
from stresswatch.monitoring.live_quality import Labels
from stresswatch.storage.archive import READERS
from stresswatch.storage.training_sets import (
    LABELS_PREFIX,
    LineReader,
    labelled_time,
    lines_of,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "newest-labels/"
"""The table's prefix in the training bucket; Athena reads every object under it."""
TABLE = "newest_labels"
"""Its name in Athena."""
KEY = f"{PREFIX}newest.parquet"
COLUMNS = {
    "post_id": "string",
    "text_digest": "string",
    "label": "int",
    "labelled_at": "timestamp",
    "confidence": "double",
}
"""The table's columns, by Hive type; the last two decide which of two labels counts."""

_RULES = 1
"""Raise it when the rules for labels change: the table is then rebuilt."""
_STATE = "stresswatch"
_ATTEMPTS = 5
_FILES_AT_ONCE = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DUCKDB_TYPES = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "timestamp": "TIMESTAMP",
    "double": "DOUBLE",
}


class LabelsChange(AwsFailure):
    """Other writers changed the table during each attempt to write it."""


@dataclass(frozen=True)
class NewestLabels:
    """All current labels.

    Attributes
    ----------
    posts : int
        Number of labelled posts.
    invalid : int
        Invalid lines.
    """

    posts: int
    invalid: int
    _rows: duckdb.DuckDBPyConnection = field(repr=False)

    def of(self, post_ids: Iterable[str]) -> Labels:
        """Return the labels of the posts with these ids, and the number of other labels."""
        found = self._rows.execute(
            "SELECT post_id, text_digest, label FROM newest "
            "WHERE post_id IN (SELECT unnest($ids::VARCHAR[]))",
            {"ids": list(post_ids)},
        ).fetchall()
        return Labels(
            {(post_id, digest): label for post_id, digest, label in found},
            self.invalid,
            elsewhere=self.posts - len(found),
        )


@dataclass(frozen=True)
class LabelTable:
    """The table, and the label files that it is built from.

    Attributes
    ----------
    key : bytes
        Key of the text digests.
    """

    s3: S3Client
    bucket: str
    key: bytes

    def fold(self, now: datetime | None = None) -> NewestLabels:
        """Add new label files to the table, and return all labels.

        Raises
        ------
        LabelsChange
        """
        now = now or datetime.now(UTC)
        with TemporaryDirectory() as folder:
            for _ in range(_ATTEMPTS):
                table = _Table.read(self, Path(folder) / "read.parquet")
                unread = table.unread(self._files())
                invalid = table.take_in(self._read(unread), self.key, now)
                if not table.is_changed or table.write(self, Path(folder) / "written.parquet"):
                    return NewestLabels(table.posts(), table.state.invalid + invalid, table.rows)
        raise LabelsChange(
            f"s3://{self.bucket}/{KEY} changed during each of {_ATTEMPTS} attempts to write it"
        )

    @property
    def is_of(self) -> str:
        """Fingerprint of the rules and the key that the table was built with."""
        return f"{_RULES} {text_digest(self.key, 'newest labels')}"

    def _files(self) -> dict[bytes, str]:
        """Return the keys of the existing files, by their fingerprints."""
        files = listed(self.s3, self.bucket, LABELS_PREFIX)
        return {fingerprint_of(found["Key"], found["ETag"]): found["Key"] for found in files}

    def _read(self, keys: Sequence[str]) -> Iterator[_File]:
        def fetch(key: str) -> _File:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
            return _File(fingerprint_of(key, answer["ETag"]), answer["Body"].read())

        with ThreadPoolExecutor(READERS) as pool:
            for begin in range(0, len(keys), _FILES_AT_ONCE):
                yield from pool.map(fetch, keys[begin : begin + _FILES_AT_ONCE])


class _File(NamedTuple):
    fingerprint: bytes
    body: bytes


@dataclass
class _Table:
    """The table in memory.

    Attributes
    ----------
    etag : str or None
        Of the stored object.
    is_changed : bool
        Whether the table differs from the stored object.
    """

    rows: duckdb.DuckDBPyConnection
    state: FoldedFiles
    etag: str | None = None
    is_changed: bool = False

    @classmethod
    def read(cls, place: LabelTable, path: Path) -> _Table:
        """Read the table; it is empty if no usable one exists."""
        connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
        table = cls(connection, FoldedFiles())
        columns = ", ".join(f"{name} {_DUCKDB_TYPES[kind]}" for name, kind in COLUMNS.items())
        table.rows.execute(f"CREATE TABLE newest ({columns})")
        # For a missing object, S3 answers a listing; a read may just be denied.
        if not exists(place.s3, Location(place.bucket, KEY)):
            return table
        answer = place.s3.get_object(Bucket=place.bucket, Key=KEY)
        table.etag = answer["ETag"]
        path.write_bytes(answer["Body"].read())
        written = table.rows.execute(
            "SELECT decode(value) FROM parquet_kv_metadata(?) WHERE decode(key) = ?",
            [str(path), _STATE],
        ).fetchone()
        state = FoldedFiles.parse(written[0], place.is_of) if written else None
        if state:
            table.state = state
            names = ", ".join(COLUMNS)
            table.rows.execute(
                f"INSERT INTO newest SELECT {names} FROM read_parquet(?)",  # noqa: S608 - ours
                [str(path)],
            )
        return table

    def unread(self, files: dict[bytes, str]) -> list[str]:
        """Return the keys of the files to read; drop all rows if an included file is gone."""
        if not self.state.folded | self.state.again <= files.keys():
            self.rows.execute("DELETE FROM newest")
            self.state, self.is_changed = FoldedFiles(), True
        return [key for found, key in files.items() if found not in self.state.folded]

    def take_in(self, files: Iterable[_File], key: bytes, now: datetime) -> int:
        """Add files; return the number of invalid lines in those that will be reread."""
        again = 0
        for file in files:
            self.is_changed = True
            labels = LineReader(now)
            self._insert(labels.read(lines_of(file.body), are_labels=True), key)
            if labels.future:
                self.state.again.add(file.fingerprint)
                again += labels.invalid
            else:
                self.state.again.discard(file.fingerprint)
                self.state.folded.add(file.fingerprint)
                self.state.invalid += labels.invalid
        self.rows.execute(
            "CREATE OR REPLACE TABLE newest AS SELECT * FROM newest "
            "QUALIFY row_number() OVER (PARTITION BY post_id, text_digest "
            "ORDER BY labelled_at DESC, confidence DESC, label DESC) = 1"
        )
        return again

    def posts(self) -> int:
        (posts,) = self.rows.execute("SELECT count(*) FROM newest").fetchall()[0]
        return int(posts)

    def write(self, place: LabelTable, path: Path) -> bool:
        """Write the table, unless another writer changed it since it was read."""
        # COPY takes no parameters; neither text contains a quotation mark.
        self.rows.execute(
            "COPY (SELECT * FROM newest ORDER BY post_id, text_digest) "  # noqa: S608
            f"TO '{path}' (FORMAT parquet, COMPRESSION zstd, "
            f"KV_METADATA {{{_STATE}: '{self.state.to_json(place.is_of)}'}})"
        )
        return put_if_unchanged(
            place.s3,
            Location(place.bucket, KEY),
            path.read_bytes(),
            self.etag,
            ContentType="application/vnd.apache.parquet",
        )

    def _insert(self, labels: Iterable[LabelledPost], key: bytes) -> None:
        given = [(one, labelled_time(one.labelled_at)) for one in labels if one.labelled_at]
        self.rows.execute(
            "INSERT INTO newest SELECT unnest($ids::VARCHAR[]), unnest($digests::VARCHAR[]), "
            "unnest($labels::INTEGER[]), make_timestamp(unnest($given::BIGINT[])), "
            "unnest($confidences::DOUBLE[])",
            {
                "ids": [one.post.post_id for one, _ in given],
                "digests": [text_digest(key, one.post.text) for one, _ in given],
                "labels": [one.label for one, _ in given],
                "given": [(at - _EPOCH) // timedelta(microseconds=1) for _, at in given],
                "confidences": [one.confidence for one, _ in given],
            },
        )
