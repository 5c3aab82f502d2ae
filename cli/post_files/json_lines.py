"""JSON Lines: an object a line, whatever its keys' case; lines that are none are told apart."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping
from typing import IO

from cli.post_files.contents import MAXIMUM_LINE, Content
from cli.post_files.refusals import FileRefused
from cli.post_files.rows import RawRow, by_field
from stresswatch.posts import InvalidPost, decode

_UNREADABLE = "stresswatch_unreadable"
codecs.register_error(_UNREADABLE, lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]
"""What cannot be decoded becomes a mark that is no UTF-8, so that its line is no post."""


def read(content: Content, stream: IO[bytes]) -> Iterator[RawRow]:
    """Read the lines that are not blank, one at a time."""
    for place, line in _lines(content, stream):
        if raw := line.removeprefix(b"\xef\xbb\xbf").strip():
            yield RawRow(place, _values(raw, is_ended=line.endswith(b"\n")), raw)


def _values(raw: bytes, *, is_ended: bool) -> Mapping[str, object] | InvalidPost:
    try:
        found = decode(raw)
        if not isinstance(found, dict):
            raise InvalidPost("not_an_object", "the record must be a JSON object")  # noqa: TRY301
        return by_field(found)
    except InvalidPost as error:
        if error.reason == "not_json" and not is_ended and not raw.endswith(b"}"):
            return InvalidPost("not_json", f"{error.detail}; the file is cut off within it")
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
                f"{content.path}, line {place}: it has over {MAXIMUM_LINE:,} bytes, and a post has "
                "a line of its own; write one post a line, as `jq -c` does.",
            )
        yield place, line
