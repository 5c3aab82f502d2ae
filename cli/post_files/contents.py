"""Detect a file's format by its content, regardless of its name. Name rejected formats."""

from __future__ import annotations

import codecs
import gzip
import re
import shlex
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, cast

from cli.errors import FileRefused
from cli.post_files.columns import known
from cli.post_files.conversions import conversion
from stresswatch.task.definition import TASK

HEAD_BYTES = 64 * 1024
"""Bytes of a file for format detection."""
MAXIMUM_LINE = 16 * 1024 * 1024
"""Maximum bytes or characters of a line; no file of posts has longer lines."""

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_PARQUET = b"PAR1"
_BYTE_ORDER_MARKS = (  # UTF-32's begins as UTF-16's does
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHERS = (
    (b"\x28\xb5\x2f\xfd", "zstd_packed", "is packed by zstd; unpack it: zstd -d {}"),
    (b"BZh", "bzip2_packed", "is packed by bzip2; unpack it: bunzip2 {}"),
    (b"\xfd7zXZ\x00", "xz_packed", "is packed by xz; unpack it: unxz {}"),
    (b"\x04\x22\x4d\x18", "lz4_packed", "is packed by lz4; unpack it: lz4 -d {}"),
    (b"7z\xbc\xaf\x27\x1c", "archive_7z", "is a 7z archive; unpack it: 7z x {}"),
    (b"Rar!", "archive_rar", "is a RAR archive; unpack it: unrar x {}"),
    (_GZIP, "packed_twice", "is gzipped twice; unpack it once: gunzip {}"),
    (
        b"\xd0\xcf\x11\xe0",
        "excel_workbook",
        "is an Excel workbook or another Office document; save it in Excel as 'CSV UTF-8'",
    ),
    (b"PARE", "parquet_encrypted", "is encrypted Parquet; write it without encryption"),
    (b"ARROW1", "arrow_file", "is an Arrow (Feather) file; write it as Parquet"),
    (b"ORC", "orc_file", "is an ORC file; write it as Parquet"),
    (b"SQLite format 3", "sqlite_database", "is an SQLite database; export a table as CSV"),
    (b"%PDF", "pdf_document", "is a PDF document; posts are read from CSV, JSON Lines or Parquet"),
    (b"{\\rtf", "rtf_document", "is a word-processor document; save it as plain text"),
    (b"\x80\x04\x95", "pickle", "is a Python pickle; write it as Parquet: DataFrame.to_parquet"),
    (b"\x80\x05\x95", "pickle", "is a Python pickle; write it as Parquet: DataFrame.to_parquet"),
)
_MARKUP = re.compile(r"<[a-z!?]", re.IGNORECASE)
_ARRAY = re.compile(r"\[\s*(?:$|[\[\]{\"\d-]|(?:null|true|false)\b)")
"""The start of a JSON array, but not of a text such as ``[removed]``."""
_OBJECT = re.compile(r"^[ \t]*\{[ \t]*\"", re.MULTILINE)
_DRAWN_LINE = re.compile(
    r"(?=[|+]|.*--)[|+]?(?:[ \t]*:?[-=]+:?[ \t]*[|+])+(?:[ \t]*:?[-=]+:?)?|[\u2500-\u257f \t]+"
)
"""A rule in a table for people, such as ``|---|:-:|``, ``----+----`` or ``├──┼──┤``."""
_LFS = "version https://git-lfs"


class Kind(StrEnum):
    """A format of posts."""

    CSV = "CSV"
    JSON_LINES = "JSON Lines"
    PARQUET = "Parquet"


@dataclass(frozen=True)
class Content:
    """The format of a file.

    Attributes
    ----------
    encoding : str
        Encoding of the text; ``utf-8-sig`` skips a byte order mark.
    head : str
        Start of the text; empty for Parquet.
    """

    path: Path
    kind: Kind
    is_packed: bool
    encoding: str = "utf-8-sig"
    head: str = ""

    @property
    def is_from_queue(self) -> bool:
        """Return whether the file is an export of the label queue."""
        first, *_ = _without_separator_line(self.head).splitlines() or [""]
        return "prediction_id" in first

    def conversion(self, command: str, to: str) -> str:
        """Return the shell line that converts the file with a command."""
        return conversion(self.path, command, to, is_packed=self.is_packed)

    @contextmanager
    def bytes(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Open the unpacked content, and the file itself, whose position shows the progress."""
        with opened(self.path, is_packed=self.is_packed) as streams:
            yield streams


@contextmanager
def opened(path: Path, *, is_packed: bool) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Open a file's unpacked bytes, and the file itself; reject a damaged file.

    Raises
    ------
    FileRefused
        When the file cannot be read, or is cut off.
    """
    try:
        with path.open("rb") as raw:
            if not is_packed:
                yield raw, raw
            else:
                with gzip.open(raw) as unpacked:
                    yield cast("IO[bytes]", unpacked), raw
    except EOFError:
        raise FileRefused(
            "gzip_cut_off", f"{path} is gzipped and cut off: the transfer was incomplete."
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FileRefused(
            "gzip_damaged", f"{path} is gzipped and damaged; fetch or pack it again."
        ) from error
    except OSError as error:
        raise FileRefused("file_unreadable", f"{path} cannot be read: {error.strerror}.") from error


def look_into(path: Path) -> Content:
    """Return the format of a file.

    Raises
    ------
    FileRefused
        When the file does not exist, or has none of the formats.
    """
    _check_is_file(path)
    head = _head(path, is_packed=False)
    is_packed = head.startswith(_GZIP)
    if is_packed:
        head = _head(path, is_packed=True)
    if not head.strip():
        raise FileRefused("no_post", f"{path} holds no post: it is empty.")
    if head.startswith(_PARQUET):
        return Content(path, Kind.PARQUET, is_packed)
    _refuse_others(path, head)
    encoding = marked_encoding(head)
    if encoding is None:
        _refuse_zeros(path, head, is_packed=is_packed)
    encoding = encoding or "utf-8-sig"
    text = head.decode(encoding, errors="replace").lstrip("\ufeff \t\r\n")
    if not text:
        raise FileRefused("no_post", f"{path} holds no post: it is blank.")
    if text.startswith(_LFS):
        raise FileRefused(
            "lfs_pointer", f"{path} is a Git LFS pointer; fetch the file itself: git lfs pull"
        )
    if _MARKUP.match(text) and not _has_header(text):
        raise FileRefused(
            "web_page", f"{path} is a web page or XML, perhaps an error page; fetch the file again."
        )
    if _ARRAY.match(text):
        if text[1:].lstrip().startswith("[") or "]\n[" in text:
            raise FileRefused(
                "json_array",
                f"{path} has JSON arrays without field names; write one post per line "
                "as an object with names, as pandas' to_json(orient='records', lines=True) does.",
            )
        raise FileRefused(
            "json_array",
            f"{path} is a JSON array; write it as JSON Lines, one post per line: "
            + conversion(path, "jq -c '.[]'", "posts.jsonl", is_packed=is_packed),
        )
    has_objects = _OBJECT.search(text) is not None
    looks_like_json = text.startswith("{") or (has_objects and not _has_header(text))
    kind = Kind.JSON_LINES if looks_like_json else Kind.CSV
    if kind is Kind.CSV:
        _refuse_drawn(path, text)
    return Content(path, kind, is_packed, encoding, text)


def _refuse_drawn(path: Path, text: str) -> None:
    """Reject a table for people, whose rule below the header would be read as a post."""
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text, maxsplit=2)[:2]]
    for number, line in enumerate(lines, start=1):
        if _DRAWN_LINE.fullmatch(line) and (number == 1 or re.search(r"[|\u2502\u2503]", lines[0])):
            is_markdown = number == 2 and re.fullmatch(r"[|:\s-]+", line)
            named = "a Markdown table" if is_markdown else "a table drawn for people to read"
            raise FileRefused(
                "drawn_table",
                f"{path} is {named}, with a line of dashes; write it as CSV.",
            )


def marked_encoding(head: bytes) -> str | None:
    """Return the encoding that a byte order mark names, if there is one."""
    return next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), None)


def _check_is_file(path: Path) -> None:
    if not path.exists():
        raise FileRefused("file_missing", f"There is no file {path}.")
    if path.is_dir():
        raise FileRefused("is_folder", f"{path} is a folder; give a file of posts.")
    if not path.is_file():
        raise FileRefused(
            "is_stream", f"{path} can be read only once, but is read twice; write it to a file."
        )


def _head(path: Path, *, is_packed: bool) -> bytes:
    with opened(path, is_packed=is_packed) as (stream, _):
        return stream.read(HEAD_BYTES)


def _refuse_others(path: Path, head: bytes) -> None:
    name = shlex.quote(str(path))
    if head.startswith(_ZIP):
        if b"[Content_Types].xml" in head or b"xl/" in head:
            raise FileRefused(
                "excel_workbook",
                f"{path} is an Excel workbook; save it in Excel as 'CSV UTF-8 (Comma delimited)'.",
            )
        raise FileRefused("archive_zip", f"{path} is a zip archive; unpack it: unzip {name}")
    if head[257:262] == b"ustar":
        raise FileRefused("archive_tar", f"{path} is a tar archive; unpack it: tar xf {name}")
    for magic, reason, advice in _OTHERS:
        if head.startswith(magic):
            raise FileRefused(reason, f"{path} {advice.format(name)}.")


def _refuse_zeros(path: Path, head: bytes, *, is_packed: bool) -> None:
    """Reject content with zero bytes, which are invalid in text."""
    if b"\0" not in head:
        return
    for encoding in ("UTF-16LE", "UTF-16BE"):
        ascii_ = sum(" " <= letter <= "~" for letter in head.decode(encoding, errors="replace"))
        if ascii_ > len(head) // 4:
            command = f"iconv -f {encoding} -t UTF-8"
            raise FileRefused(
                "utf16_unmarked",
                f"{path} seems to be {encoding} without a byte order mark; convert it: "
                + conversion(path, command, "posts-utf8", is_packed=is_packed),
            )
    if _is_utf8(head):
        place = head[: head.index(b"\0")].count(b"\n") + 1
        raise zeros(path, place, is_packed=is_packed)
    raise FileRefused(
        "not_text",
        f"{path} is neither text nor Parquet: it contains NUL bytes. "
        "Posts are read from CSV, JSON Lines and Parquet.",
    )


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def zeros(path: Path, place: int, *, is_packed: bool) -> FileRefused:
    """Return the error for a zero byte in a text, with its line."""
    command = r"perl -pe 's/\0//g'"
    return FileRefused(
        "zero_bytes",
        f"{path}, line {place}: it has a NUL byte, which no text contains; remove NUL bytes: "
        + conversion(path, command, "posts-without-zeros", is_packed=is_packed),
    )


def _has_header(text: str) -> bool:
    first = _without_separator_line(text)
    cells = re.split(r"[,;\t|]", re.split(r"[\r\n]", first)[0])
    return TASK.fields.text in [known(cell.strip().strip('"')) for cell in cells]


def _without_separator_line(text: str) -> str:
    """Remove the line with which Excel names a table's separator."""
    return re.sub(r'\A"?sep=.*[\r\n]+', "", text, flags=re.IGNORECASE)
