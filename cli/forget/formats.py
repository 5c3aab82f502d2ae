"""Bytes with records in any form that producers send: JSON in any encoding, tables, gzip.

Any other form is searched for the ids; records of unknown owners are counted.
"""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from cli.forget.broken import named_in, names_any
from cli.forget.mentions import is_base64, mentions
from cli.forget.people import Ids, Survey, documents, prune, survey
from cli.forget.rewritten import Rewritten
from cli.forget.tables import lines_of, parquet_without, table_without
from stresswatch.task.definition import TASK

_GZIP = b"\x1f\x8b"
_DEEPEST = 3
_BOMS = {
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
_NOT_ONE_TEXT = (EOFError, gzip.BadGzipFile, zlib.error)


def record_without(data: bytes, ids: Ids, sequence_number: str) -> Rewritten[bytes]:
    """Remove a person's records from a record of the stream.

    A record without an id is identified by its sequence number, as in the predictor.
    """
    if (left := _no_text(data, ids)) is not None:
        return left
    return _without(data, lambda text: _record(text, ids, sequence_number))


def file_without(data: bytes, ids: Ids) -> Rewritten[bytes]:
    """Remove a person's records from a file.

    It may be JSON Lines, one JSON value, a table with a header, or Parquet.
    """
    if (left := _no_text(data, ids)) is not None:
        return left
    return _without(data, lambda text: _file(text, ids))


def _no_text(data: bytes, ids: Ids) -> Rewritten[bytes] | None:
    if data.startswith(b"PAR1"):
        return parquet_without(data, ids)
    if data.startswith(b"PK\x03\x04"):  # a zip, or a format based on it
        return Rewritten(data, unattributed=1)
    return None


def _without(
    data: bytes, change: Callable[[str], Rewritten[str]], depth: int = 0
) -> Rewritten[bytes]:
    """Change a text that may be compressed; an unchanged one keeps its bytes."""
    if data.startswith(_GZIP) and depth < _DEEPEST:
        try:
            unpacked = gzip.decompress(data)
        except _NOT_ONE_TEXT:
            return Rewritten(data, unattributed=1)
        inner = _without(unpacked, change, depth + 1)
        if inner.content is None or not inner.removed:
            return replace(inner, content=None if inner.content is None else data)
        return replace(inner, content=gzip.compress(inner.content, compresslevel=1, mtime=0))
    written = _decoded(data)
    left = change(written.text)
    if left.content is None:
        return Rewritten(None, left.removed)
    return Rewritten(
        written.encode(left.content) if left.removed else data, left.removed, left.unattributed
    )


class _Written(NamedTuple):
    """A text with its encoding."""

    text: str
    bom: bytes
    encoding: str
    errors: str = "surrogatepass"

    def encode(self, text: str) -> bytes:
        return self.bom + text.encode(self.encoding, self.errors)


def _decoded(data: bytes) -> _Written:
    """Read a text; bytes outside its encoding are preserved."""
    bom = next((bom for bom in _BOMS if data.startswith(bom)), b"")
    encoding = _BOMS.get(bom) or json.detect_encoding(data)
    if encoding != "utf-8":
        try:
            written = _Written(data[len(bom) :].decode(encoding, "surrogatepass"), bom, encoding)
        except UnicodeDecodeError:
            pass
        else:
            if written.encode(written.text) == data:
                return written
    bom = bom if encoding == "utf-8" else b""
    text = data[len(bom) :].decode("utf-8", "surrogateescape")
    return _Written(text, bom, "utf-8", "surrogateescape")


def _record(text: str, ids: Ids, sequence_number: str) -> Rewritten[str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _no_json(text, ids, sequence_number)
    found = survey(value)
    is_unnamed = not found.names or (
        isinstance(value, dict) and value.get(TASK.fields.id) is None and len(found.names) == 1
    )
    if sequence_number in ids and is_unnamed:
        return Rewritten(None, Counter([sequence_number]))
    if not found.names & ids:
        # One without an id is identified by its sequence number, unless it names the person
        # elsewhere.
        is_post = isinstance(value, dict) and TASK.fields.text in value and not found.names
        is_prose = isinstance(value, str) and bool(value.strip())
        if is_post:
            return Rewritten(text, unattributed=int(mentions(value, ids)))
        return Rewritten(text, unattributed=_unowned(value, found, ids) or int(is_prose))
    return _pruned(text, ids)


def _unowned(value: object, found: Survey, ids: Ids) -> int:
    """Count the records of unknown owners, including those that name the person elsewhere."""
    return found.anonymous or int(not found.names and mentions(value, ids))


def _no_json(text: str, ids: Ids, sequence_number: str) -> Rewritten[str]:
    """Search texts other than one JSON value: several values, a table, base64, or broken text."""
    for read in (table_without, _documents, _base64):
        if (left := read(text, ids)) is not None:
            return left
    if len(lines_of(text.strip())) > 1 and '"' in text:
        left = _json_lines(text, ids)
        return replace(left, content=None) if left.removed and not _has(left.content) else left
    if (post_id := named_in(text, ids)) is not None:
        return Rewritten(None, Counter([post_id]))
    if sequence_number in ids and not names_any(text):
        return Rewritten(None, Counter([sequence_number]))
    return Rewritten(text, unattributed=1)


def _file(text: str, ids: Ids) -> Rewritten[str]:
    lines = lines_of(text)
    first = next((line for line in lines if line.strip()), "")
    if first and not _is_json(first):
        if _is_json(text):
            found = survey(value := json.loads(text))
            if not found.names & ids:
                return Rewritten(text, unattributed=_unowned(value, found, ids))
            left = _pruned(text, ids)
            return replace(left, content=left.content or "")
        if (table := table_without(text, ids, is_file=True)) is not None:
            return table
    return _json_lines(text, ids)


def _json_lines(text: str, ids: Ids) -> Rewritten[str]:
    kept: list[str] = []
    removed: Counter[str] = Counter()
    unattributed = 0
    for line in lines_of(text):
        left = _line(line, ids) if line.strip() else Rewritten(line)
        removed += left.removed
        unattributed += left.unattributed
        if left.content is not None:
            kept.append(left.content)
    return Rewritten("".join(kept), removed, unattributed)


def _line(line: str, ids: Ids) -> Rewritten[str]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        if (left := _documents(line, ids)) is not None:
            return left
        post_id = named_in(line, ids)
        return (
            Rewritten(line, unattributed=1)
            if post_id is None
            else Rewritten(None, Counter([post_id]))
        )
    found = survey(value)
    if found.names & ids:
        end = line[len(line.rstrip("\r\n")) :]
        left = _pruned(line.rstrip("\r\n"), ids)
        return left if left.content is None else replace(left, content=f"{left.content}{end}")
    return Rewritten(line, unattributed=_unowned(value, found, ids))


def _pruned(text: str, ids: Ids) -> Rewritten[str]:
    start = len(text) - len(text.lstrip())
    pruned = prune(text, ids)
    end = len(text.rstrip())
    if not pruned.removed or pruned.text is None:
        return Rewritten(None if pruned.removed else text, pruned.removed)
    return Rewritten(
        f"{text[:start]}{pruned.text}{text[end:]}",
        pruned.removed,
        survey(json.loads(pruned.text)).anonymous,
    )


def _documents(text: str, ids: Ids) -> Rewritten[str] | None:
    """Change several consecutive JSON values; None where the text has anything else."""
    try:
        places = list(documents(text))
    except (ValueError, IndexError, RecursionError):
        return None
    if len(places) < 2 or any(text[start] not in "[{" for start, _ in places):
        return None
    kept, removed, unattributed = [text[: places[0][0]]], Counter[str](), 0
    ends = [*(start for start, _ in places[1:]), len(text)]
    for (start, end), after in zip(places, ends, strict=True):
        left = _line(text[start:end], ids)
        removed += left.removed
        unattributed += left.unattributed
        if left.content is not None:
            kept += [left.content, text[end:after]]
    return Rewritten("".join(kept) if len(kept) > 1 else None, removed, unattributed)


def _base64(text: str, ids: Ids) -> Rewritten[str] | None:
    """Search JSON that was encoded twice; None for anything else."""
    if not is_base64(text):
        return None
    try:
        inner = b64decode(text, altchars=b"-_" if {"-", "_"} & set(text) else None)
        json.loads(inner)
    except (ValueError, RecursionError):
        return None
    left = record_without(inner, ids, "")
    if left.content is None:
        return Rewritten(None, left.removed)
    encoded = b64encode(left.content).decode() if left.removed else text
    return Rewritten(encoded, left.removed, left.unattributed)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _has(content: str | None) -> bool:
    return bool(content and content.strip())
