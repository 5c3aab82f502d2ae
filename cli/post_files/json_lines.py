"""JSON Lines: one object per line, with keys in any case; report other lines."""

from __future__ import annotations

import codecs
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import IO

from cli.errors import FileRefused
from cli.post_files.columns import known
from cli.post_files.contents import MAXIMUM_LINE, Content
from cli.post_files.rows import RawRow, by_field
from stresswatch.contracts.posts import InvalidPost, decode

_UNREADABLE = "stresswatch_unreadable"
codecs.register_error(_UNREADABLE, lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]
"""Undecodable bytes become an invalid character, so that their line is rejected."""


def read(content: Content, stream: IO[bytes]) -> Iterator[RawRow]:
    """Yield the lines that are not blank, one at a time."""
    for place, found, raw in records(content, stream):
        yield RawRow(place, _values(found), raw)


def records(
    content: Content, stream: IO[bytes]
) -> Iterator[tuple[int, dict[str, object] | InvalidPost, bytes]]:
    """Yield the number, the object and the bytes of each line that is not blank."""
    for place, line in _lines(content, stream):
        if raw := line.removeprefix(b"\xef\xbb\xbf").strip():
            found = _decoded(raw, is_ended=line.endswith(b"\n"))
            if isinstance(found, _Repeating) and found.field:
                raise FileRefused(
                    "column_repeated",
                    f"{content.path}, line {place}: it has the field {found.field} twice, and "
                    "programs differ in which of the two they read; keep one of them.",
                )
            yield place, found, raw


class _Repeating(dict[str, object]):
    """An object with a duplicate name, and its last value.

    Attributes
    ----------
    field : str or None
        A duplicate name of a post's field.
    """

    def __init__(self, pairs: list[tuple[str, object]]):
        super().__init__(pairs)
        counts = Counter(name for name, _ in pairs)
        self.field = next((name for name in counts if counts[name] > 1 and known(name)), None)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeating(pairs)


_decode = json.JSONDecoder(object_pairs_hook=_object).decode


def _decoded(raw: bytes, *, is_ended: bool) -> dict[str, object] | InvalidPost:
    try:
        try:
            found = _decode(raw.decode())
        except (ValueError, RecursionError):
            found = decode(raw)  # raises an error with the reason
        if not isinstance(found, dict):
            raise InvalidPost("not_an_object", "the record must be a JSON object")  # noqa: TRY301
    except InvalidPost as error:
        if error.reason == "not_json" and not is_ended and not raw.endswith(b"}"):
            return InvalidPost("not_json", f"{error.detail}; the file is cut off within it")
        return error
    return found


def _values(found: dict[str, object] | InvalidPost) -> Mapping[str, object] | InvalidPost:
    try:
        return found if isinstance(found, InvalidPost) else by_field(found)
    except InvalidPost as error:
        return error


def _lines(content: Content, stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    has_old_breaks = "\r" in content.head and "\n" not in content.head
    if content.encoding == "utf-8-sig" and not has_old_breaks:
        lines = iter(lambda: stream.readline(MAXIMUM_LINE), b"")
    else:
        text = io.TextIOWrapper(stream, content.encoding, errors=_UNREADABLE, newline=None)
        lines = (
            line.encode(errors="surrogateescape")
            for line in iter(lambda: text.readline(MAXIMUM_LINE), "")
        )
    for place, line in enumerate(lines, start=1):
        if len(line) >= MAXIMUM_LINE and not line.endswith(b"\n"):
            raise FileRefused(
                "line_too_long",
                f"{content.path}, line {place}: it has over {MAXIMUM_LINE:,} bytes, and each post "
                "needs its own line; write one post per line, as `jq -c` does.",
            )
        yield place, line
