"""Assemble training sets from the base data and later labels.

A training set is the file ``posts.jsonl`` under ``datasets/<version>/``, with one labelled post per
line. Order and format depend only on the posts, so the same posts have the same digest.

Posts pass through a database on disk one by one, so memory does not grow with them.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from stresswatch.contracts.labelled_posts import LabelledPost, labelled_post_record
from stresswatch.contracts.posts import Post
from stresswatch.evaluation.splits import holds_any_out, wording
from stresswatch.storage.training_sets import LineReader, identity_of, labelled_time
from stresswatch.storage.training_sources import BaseSet, BaseSource, Counts, Sources

_CACHE_KB = 32_768
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = -(1 << 62)
"""Label time of base posts: before any later label."""
_DIGEST_BYTES = 16
_SCHEMA = """
    CREATE TABLE posts (
        identity BLOB,
        is_label INTEGER,
        given INTEGER,
        confidence REAL,
        label INTEGER,
        line TEXT,
        post_id TEXT,
        wording BLOB,
        is_text_only INTEGER,
        source INTEGER,
        labels INTEGER,
        PRIMARY KEY (identity, is_label)
    )
"""
_ADD = """
    INSERT OR IGNORE INTO posts VALUES (
        :identity, :is_label, :given, :confidence, :label, :line, :post_id, :wording,
        :is_text_only, :source, 1 << :label
    )
"""
_NOTE_REPEATED = """
    UPDATE posts SET source = :source, labels = labels | 1 << :label
    WHERE identity = :identity AND is_label = :is_label
"""
_REPLACE = """
    UPDATE posts SET
        (given, confidence, label, line, post_id, wording, is_text_only)
            = (:given, :confidence, :label, :line, :post_id, :wording, :is_text_only)
    WHERE identity = :identity AND is_label = :is_label
        AND (:given, :confidence, :label, :line) > (given, confidence, label, line)
"""
"""The line decides between otherwise equal posts, independently of the order of lines and files."""
_DELETE_OUTDATED = """
    DELETE FROM posts WHERE rowid IN (
        SELECT one.rowid FROM posts AS one JOIN posts AS other
        ON other.identity = one.identity AND other.is_label != one.is_label
        WHERE ((one.label, one.confidence) = (other.label, other.confidence)) = one.is_label
    )
"""
_COUNT = """
    SELECT count(*), total(label), total(is_text_only), total(confidence = 0), total(is_label)
    FROM posts
"""
_COUNT_NEW = """
    SELECT count(*) FROM posts LEFT JOIN known USING (identity)
    WHERE CASE WHEN posts.is_label THEN known.label IS NOT posts.label
        ELSE known.is_label AND known.label != posts.label END
"""
_JOINED = """
    SELECT DISTINCT other.post_id FROM posts AS one JOIN posts AS other USING (wording)
    WHERE one.post_id = ?
"""


@dataclass(frozen=True)
class TrainingSet:
    """Labelled posts, each once.

    Attributes
    ----------
    sources : Sources
        Its make-up. A post of base data and labels counts as a label if its newest label
        differs. A label that repeats the base data's adds nothing, and the base post is kept.
    future : int
        Lines left out because their label is from the future.
    contradictory : int
        Posts with both labels in the base data.
    """

    sources: Sources
    future: int
    contradictory: int
    _rows: sqlite3.Connection = field(repr=False)

    def lines(self) -> Iterator[bytes]:
        """Return the posts as sorted JSON lines; labels have their ``labelled_at``."""
        for (line,) in self._rows.execute("SELECT line FROM posts ORDER BY line"):
            yield f"{line}\n".encode()

    def write(self, file: BinaryIO) -> str:
        """Write the posts as JSON Lines; return their SHA-256 in hexadecimal digits."""
        digest = hashlib.sha256()
        for line in self.lines():
            digest.update(line)
            file.write(line)
        return digest.hexdigest()

    def new_labels(self, known: Iterable[LabelledPost]) -> int:
        """Count the labels that are new or different compared with an earlier training set.

        A withdrawn label counts as well: its base post is used again.
        """
        rows = self._rows
        rows.execute("CREATE TABLE known (identity BLOB PRIMARY KEY, label INTEGER, is_label)")
        rows.executemany(
            "INSERT OR REPLACE INTO known VALUES (?, ?, ?)",
            ((_identity(one.post), one.label, one.labelled_at is not None) for one in known),
        )
        return int(_row(rows, _COUNT_NEW)[0])

    def has_base_holdout(self) -> bool:
        """Return whether any base post is kept for evaluation."""
        rows = self._rows
        rows.execute("CREATE INDEX by_id ON posts (post_id)")
        rows.execute("CREATE INDEX by_wording ON posts (wording)")
        base = rows.execute("SELECT post_id FROM posts WHERE NOT is_label")
        return holds_any_out(
            (post_id for (post_id,) in base),
            joined=lambda post_id: (one for (one,) in rows.execute(_JOINED, (post_id,))),
        )


@contextmanager
def assemble(
    base: Iterable[BaseSource], labels: Iterable[bytes], now: datetime | None = None
) -> Iterator[TrainingSet]:
    """Build a training set from JSON lines; `LineReader` decides which of them count.

    A post's id and text together identify it (`identity_of`), because segments of a long post may
    share its id. Among several labels the newest counts. Among simultaneous labels, and among base
    posts, the more confident one counts, and then the positive one.

    Parameters
    ----------
    now : datetime, optional
        By default, the time of the call.
    """
    reader = LineReader(now or datetime.now(UTC))
    with TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "posts")) as rows:
        rows.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        rows.execute("PRAGMA journal_mode = OFF")  # what fails is begun anew
        rows.execute(_SCHEMA)
        uploaded = _add_base(rows, reader, base)
        for labelled in reader.read(labels, are_labels=True):
            _add(rows, labelled)
        contradictory = _row(rows, "SELECT count(*) FROM posts WHERE NOT is_label AND labels = 3")
        rows.execute(_DELETE_OUTDATED)
        sources = _sources(rows, uploaded, reader.invalid)
        yield TrainingSet(sources, reader.future, int(contradictory[0]), rows)


def _add_base(
    rows: sqlite3.Connection, reader: LineReader, base: Iterable[BaseSource]
) -> dict[str, datetime]:
    """Add the base data; return the upload time of each set that has lines."""
    uploaded: dict[str, datetime] = {}
    for name, uploaded_at, lines in base:
        for line in lines:
            uploaded[name] = uploaded_at
            for labelled in reader.read([line], are_labels=False):
                _add(rows, labelled, name)
    return uploaded


def _add(rows: sqlite3.Connection, labelled: LabelledPost, source: str | None = None) -> None:
    """Add a post, unless an existing one takes precedence."""
    post, at = labelled.post, labelled.labelled_at
    row = {
        "identity": _identity(post),
        "is_label": at is not None,
        "given": (labelled_time(at) - _EPOCH) // timedelta(microseconds=1) if at else _NEVER,
        "confidence": labelled.confidence,
        "label": labelled.label,
        "line": json.dumps(labelled_post_record(labelled), sort_keys=True),
        "post_id": post.post_id,
        "wording": _digest(wording(post.text)),
        "is_text_only": all(map(math.isnan, post.numbers)),
        "source": source,
    }
    if not rows.execute(_ADD, row).rowcount:
        rows.execute(_NOTE_REPEATED, row)
        rows.execute(_REPLACE, row)


def _sources(rows: sqlite3.Connection, uploaded: Mapping[str, datetime], invalid: int) -> Sources:
    *counts, labels = map(int, _row(rows, _COUNT))
    taken = dict(
        rows.execute("SELECT source, count(*) FROM posts WHERE NOT is_label GROUP BY source")
    )
    return Sources(
        counts=Counts(*counts),
        invalid=invalid,
        base={
            name: BaseSet(taken.get(name, 0), at.isoformat(timespec="seconds"))
            for name, at in uploaded.items()
        },
        labels=labels,
    )


def _row(rows: sqlite3.Connection, query: str) -> tuple[Any, ...]:
    """Return the only row of a query."""
    (row,) = rows.execute(query)
    return tuple(row)


def _identity(post: Post) -> bytes:
    return _digest(json.dumps(identity_of(post)))


def _digest(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=_DIGEST_BYTES).digest()
