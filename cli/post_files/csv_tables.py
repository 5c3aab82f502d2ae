"""CSV: the standard library's strict reader, with a check of every row against the header.

pyarrow's reader is unsuitable. It accepts text after a closing quotation mark, and quotation marks
that are never closed. It counts rows where an editor counts lines. For two columns of the same name
it returns the last.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import IO

from cli.errors import FileRefused
from cli.post_files.columns import fold, known, repeated
from cli.post_files.contents import MAXIMUM_LINE, Content, zeros
from cli.post_files.rows import RawRow, by_field
from cli.post_files.values import Notation
from stresswatch.text.wording import counted

DELIMITERS = (",", ";", "\t", "|")
_BLANK = ' \t\r\n,;|"'
"""Characters of a row with only blank fields."""
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t]*\s*', re.IGNORECASE)
"""Prefix of the line that sets Excel's separator."""


class CsvTable:
    """An open CSV file.

    Attributes
    ----------
    names : list of str
        Column names, without the trailing blank ones that Excel writes.
    """

    def __init__(self, content: Content, stream: IO[bytes]):
        self._content = content
        text = io.TextIOWrapper(stream, content.encoding, newline="")
        self._lines = _Lines(content, text)
        self._place = 1
        self.names: list[str] = []
        delimiter = self._find_delimiter()
        self.notation = Notation(delimiter, _has_decimal_commas(content.head, delimiter))
        self._rows = csv.reader(self._lines, strict=True, delimiter=delimiter)
        self.names = _without_blank_end(next(self._read(), []))
        self._check_header()

    @property
    def _separator(self) -> str:
        return _NAMES.get(self.notation.delimiter, "the separator")

    def rows(self) -> Iterator[RawRow]:
        """Return the rows, without blank ones; see `records`."""
        return (RawRow(place, by_field(record)) for place, record in self.records())

    def records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Return the first line and all columns of each row, without blank rows.

        Raises
        ------
        FileRefused
            When a row does not fit the header, or repeats it.
        """
        width = len(self.names)
        header = [fold(name) for name in self.names]
        for cells in self._read():
            if len(cells) != width:
                cells = self._fitted(cells, width)
            if not any(cells) or not any(map(str.strip, cells)):
                continue
            if fold(cells[-1]) in header and sorted(map(fold, cells)) == sorted(header):
                raise self._refused("header_repeated", "the header is repeated; delete this line")
            self._check_nameless(cells)
            yield self._place, dict(zip(self.names, cells, strict=True))

    def _read(self) -> Iterator[list[str]]:
        """Return the raw rows; `_place` has the first line of each."""
        while True:
            self._place = self._lines.number + 1
            try:
                cells = next(self._rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise self._broken(error) from error
            except UnicodeDecodeError as error:
                raise _undecodable(self._content) from error
            if cells:
                yield cells

    def _find_delimiter(self) -> str:
        """Find the separator by the number of known columns in the header, then of all columns."""
        try:
            first = next((line for line in self._lines if line.strip(_BLANK)), "")
            if given := _SEPARATOR_LINE.fullmatch(first):
                return given[1]
        except UnicodeDecodeError as error:
            raise _undecodable(self._content) from error

        def fields(delimiter: str) -> tuple[int, int]:
            cells = next(csv.reader([first], delimiter=delimiter), [])
            return len({name for name in map(known, cells) if name}), len(cells)

        self._lines.push_back()
        return max(DELIMITERS, key=fields)

    def _check_header(self) -> None:
        if twice := repeated(self.names):
            raise FileRefused(
                "column_repeated",
                f"{self._content.path} has the column {twice} twice; keep one of the two.",
            )

    def _fitted(self, cells: list[str], width: int) -> list[str]:
        fitted = cells[:width] if not any(map(str.strip, cells[width:])) else cells
        if len(fitted) == width or not any(map(str.strip, fitted)):
            return fitted
        if len(fitted) > width:
            raise self._too_long(fitted, width)
        raise self._refused(
            "row_too_short",
            f"it has {counted(len(fitted), 'field')} where the header has {width}; a line break "
            "within a text must be in quotation marks, and an empty field needs its separators",
        )

    def _too_long(self, cells: list[str], width: int) -> FileRefused:
        if '\\"' in self._lines.last:
            return self._escaped()
        advice = f"a text with {self._separator} in it must be in quotation marks"
        if any(cell.endswith("\\") for cell in cells):
            advice += ", not behind a backslash: in pandas, to_csv without quoting and escapechar"
        elif any(cell.lstrip().startswith(("'", "\u201c", "\u201e", "\u00ab")) for cell in cells):
            advice += ', which are straight and double: "'
        elif len(cells) == width + 1 > 2 and cells[0].isdigit():
            advice += (
                "; or the rows begin with a name for which the header has none, as R's write.table "
                "writes them: use write.csv"
            )
        return self._refused(
            "row_too_long",
            f"it has {counted(len(cells), 'field')} where the header has {width}; {advice}",
        )

    def _escaped(self) -> FileRefused:
        command = 'sed \'s/\\\\"/""/g\''
        return self._refused(
            "csv_damaged",
            "quotation marks within a text are escaped by a backslash, as MySQL writes them, "
            f"and must be doubled: {self._content.conversion(command, 'posts.csv')}",
        )

    def _check_nameless(self, cells: Sequence[str]) -> None:
        """Reject values without a name, except in the first column, where pandas has an index."""
        for name, cell in zip(self.names[1:], cells[1:], strict=True):
            if not name.strip() and cell.strip():
                raise self._refused(
                    "row_too_long",
                    "it has a value in a column without a name; name the column, or put a text "
                    f"with {self._separator} in it in quotation marks",
                )

    def _broken(self, error: csv.Error) -> FileRefused:
        if '\\"' in self._lines.last:
            return self._escaped()
        if not self.names:
            return self._refused(
                "csv_damaged",
                "it must name the columns, with commas, semicolons, tabs or vertical lines between "
                "them",
            )
        if "unexpected end" in str(error) or "field larger" in str(error):
            return self._refused(
                "csv_damaged",
                "a quotation mark that opens a text here is not closed, or the text has over a "
                f"million characters ({error})",
            )
        return self._refused("csv_damaged", f"{error}; quotation marks in a text must be doubled")

    def _refused(self, reason: str, what: str) -> FileRefused:
        end = "" if " > " in what else "."  # keeps a command ready to copy
        return FileRefused(reason, f"{self._content.path}, line {self._place}: {what}{end}")


_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical line"}


class _Lines:
    """Lines of a text with their numbers; the last line is kept for error messages."""

    def __init__(self, content: Content, text: io.TextIOWrapper):
        self.number = 0
        self.last = ""
        self._content = content
        self._text = text
        self._is_pushed_back = False

    def push_back(self) -> None:
        """Push the last line back."""
        self._is_pushed_back = True
        self.number -= 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.last if self._is_pushed_back else self._text.readline(MAXIMUM_LINE)
        self._is_pushed_back = False
        if not line:
            raise StopIteration
        self.number += 1
        self.last = line
        if "\0" in line and not self._content.is_from_queue:  # keeps the original line breaks
            raise zeros(self._content.path, self.number, is_packed=self._content.is_packed)
        if len(line) >= MAXIMUM_LINE:
            raise FileRefused(
                "line_too_long",
                f"{self._content.path}, line {self.number}: it has over {MAXIMUM_LINE:,} "
                "characters; this is not a CSV of posts.",
            )
        return line


def _has_decimal_commas(head: str, delimiter: str) -> bool:
    """Return whether a field is a number whose comma cannot separate thousands."""
    end = re.escape(delimiter)
    number = r"[+-]?(?:\d+,(?:\d{1,2}|\d{4,})|0,\d+)"
    field = rf'(?:^|{end})"?{number}"?(?={end}|\r?$)'
    return delimiter != "," and re.search(field, head, re.MULTILINE) is not None


def _without_blank_end(names: list[str]) -> list[str]:
    while names and not names[-1].strip():
        names = names[:-1]
    return [name.strip("\ufeff") for name in names]


def _is_escaped(line: str) -> bool:
    return any("\udc80" <= letter <= "\udcff" for letter in line)


def _undecodable(content: Content) -> FileRefused:
    """Return the error for invalid bytes in the file's encoding, with the line."""
    if content.encoding != "utf-8-sig":
        return FileRefused(
            "not_unicode",
            f"{content.path} begins as {content.encoding.upper()}, and continues in "
            "another encoding or is cut off; write it again.",
        )
    with content.bytes() as (stream, _):
        text = io.TextIOWrapper(stream, content.encoding, errors="surrogateescape", newline="")
        lines = iter(lambda: text.readline(MAXIMUM_LINE), "")
        number = next(place for place, line in enumerate(lines, start=1) if _is_escaped(line))
    return FileRefused(
        "not_utf8",
        f"{content.path}, line {number}: it is not UTF-8, but perhaps Windows-1252, as Excel's "
        "'CSV' is; save it as 'CSV UTF-8', or convert it: "
        + content.conversion("iconv -f WINDOWS-1252 -t UTF-8", "posts.csv"),
    )
