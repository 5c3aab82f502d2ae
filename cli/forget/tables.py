"""Tables without a person's rows: CSV in any of its dialects, and Parquet."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from cli.forget.people import Ids, id_of, key_name
from cli.forget.rewritten import Rewritten
from cli.post_files.values import with_point

_SEPARATORS = (",", ";", "\t", "|")
lines_of = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+").findall
"""Return the lines of a text with their line ends."""


def parquet_without(data: bytes, ids: Ids) -> Rewritten[bytes]:
    """Remove rows from Parquet; the others keep their values, types and order."""
    try:
        table = pq.read_table(io.BytesIO(data), partitioning=None)
    except (pa.ArrowException, OSError):
        return Rewritten(data, unattributed=1)
    names = [name for name in table.column_names if key_name(name) == "postid"]
    if not names:
        return Rewritten(data, unattributed=table.num_rows)
    owners = [_id_of_any(value) for value in table.column(names[0]).to_pylist()]
    removed = Counter(owner for owner in owners if owner in ids)
    if not removed:
        return Rewritten(data, unattributed=owners.count(None))
    body = io.BytesIO()
    pq.write_table(table.filter(pa.array([owner not in ids for owner in owners])), body)
    return Rewritten(body.getvalue(), removed, owners.count(None))


def table_without(text: str, ids: Ids, *, is_file: bool = False) -> Rewritten[str] | None:
    """Remove rows from a table with the id in its header; None without such a header."""
    lines = lines_of(text)
    above = next((place for place, line in enumerate(lines) if line.strip()), len(lines))
    if lines[above:] and lines[above].lower().startswith("sep="):
        above += 1
    for separator in _SEPARATORS:
        if above >= len(lines):
            return None
        try:
            rows = list(_rows(lines[above:], separator))
        except csv.Error:
            continue
        names = [key_name(name) for name in rows[0][0]]
        if "postid" not in names:
            continue
        column = names.index("postid")
        kept, removed, unattributed = [rows[0][1]], Counter[str](), 0
        for fields, raw in rows[1:]:
            post_id = _id_in(fields[column], separator) if len(fields) > column else None
            if post_id in ids:
                removed[str(post_id)] += 1
                continue
            unattributed += bool(fields) and not post_id
            kept.append(raw)
        content = "".join([*lines[:above], *kept])
        return Rewritten(content if is_file or len(kept) > 1 else None, removed, unattributed)
    return None


def _rows(lines: list[str], separator: str) -> Iterator[tuple[list[str], str]]:
    """Return each row with its original text."""
    reader = csv.reader(iter(lines), delimiter=separator)
    before = 0
    for fields in reader:
        yield fields, "".join(lines[before : reader.line_num])
        before = reader.line_num


def _id_of_any(value: object) -> str | None:
    return id_of(value.decode(errors="replace") if isinstance(value, bytes) else value)


def _id_in(cell: str, separator: str) -> str | None:
    return id_of(cell if separator == "," else with_point("post_id", cell))
