"""A marker that is planted in posts, and the search for it in the output."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import pyarrow
import pyarrow.parquet

MARKER = "zqunmistakablemarkerqz"


def holds_marker(content: bytes) -> bool:
    """Return whether the marker is readable: plain, in base64, compressed, archived, in columns."""
    return holds(content, MARKER)


def holds(content: bytes, text: str) -> bool:
    """Return whether a text, of a dozen characters or more, is readable in any of these ways."""
    return any(form in layer for layer in _layers(content) for form in _forms(text))


@cache
def _forms(text: str) -> tuple[bytes, ...]:
    return (text.encode(), text.encode("utf-16-le"), *_in_base64(text.encode()))


def _in_base64(text: bytes) -> Iterator[bytes]:
    """Return the base64 of a text in the middle of another, at each of the three positions."""
    for before in range(3):
        encoded = base64.b64encode(b"." * before + text)
        # The first and the last group depend on the neighbours as well.
        yield encoded[4:-4]


def _layers(content: bytes) -> Iterator[bytes]:
    """The content, and everything packed within."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield from _layers(gzip.decompress(content))
    elif content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from _layers(archive.read(name))
    elif content.startswith(b"PAR1"):
        table = pyarrow.parquet.read_table(io.BytesIO(content))
        yield repr(table.to_pydict()).encode()
    with suppress(tarfile.ReadError), tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        for member in tar:
            if file := tar.extractfile(member):
                yield from _layers(file.read())
