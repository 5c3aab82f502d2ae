"""The search for the marker finds it wherever it can be read."""

import base64
import gzip
import io
import json
import tarfile
import zipfile

import pandas as pd
import pytest

from tests.marker import MARKER, holds_marker


def zipped(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("file", content)
    return buffer.getvalue()


def packed(content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("file")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


PLACES = {
    "plain": MARKER.encode(),
    "json": json.dumps({"text": f"ü {MARKER}"}).encode(),
    "gzip": gzip.compress(MARKER.encode()),
    "zip": zipped(MARKER.encode()),
    "tar of gzip": packed(gzip.compress(MARKER.encode())),
    "parquet": pd.DataFrame({"text": [MARKER]}).to_parquet(),
    "utf-16": MARKER.encode("utf-16-le"),
} | {
    f"base64 after {before}": base64.b64encode(b"x" * before + MARKER.encode() + b"after")
    for before in range(4)
}


@pytest.mark.parametrize("content", PLACES.values(), ids=list(PLACES))
def test_the_marker_is_found_in_every_encoding(content):
    assert holds_marker(content)


def test_content_without_the_marker_is_not_reported():
    other = MARKER[:-1].encode()
    for content in (b"", other, gzip.compress(other), zipped(other), packed(other)):
        assert not holds_marker(content)
