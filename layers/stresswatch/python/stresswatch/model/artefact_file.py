"""The artefact's file: arrays in one numpy archive, validated on reading."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresswatch.errors import InvalidInput

FORMAT = 4
"""Version of the file and of text processing: a model is always scored by its own text rules."""
MAXIMUM_ARTEFACT_BYTES = 16 * 1024 * 1024
"""Limit for the file and for its uncompressed content; 30,000 terms take about 1 MB."""
_MOST_WORDS = 2**20


class CorruptArtefact(InvalidInput):
    """The bytes are not an artefact that this code can score."""


SHAPES = {
    "first": ("terms",),
    "second": ("terms",),
    "idf": ("terms",),
    "weight": ("terms",),
    "entry_word": ("entries",),
    "entry_category": ("entries",),
    "entry_value": ("entries",),
    "share_mean": ("categories",),
    "share_scale": ("categories",),
    "share_weight": ("categories",),
    "expected_base": ("numbers",),
    "expected_slope": ("categories", "numbers"),
    "mean": ("numbers",),
    "scale": ("numbers",),
    "number_weight": ("numbers",),
}
_IDS = ("first", "second", "entry_word", "entry_category")
_NAMES = ("words", "categories", "numeric_features")
_SCALARS = ("format", "intercept")
_OPTIONAL = ("pipeline_sha256", "predicts")
"""Optional names.

Only versions scored by a pipeline have its digest, and earlier releases lack the label field.
"""


def write(fitted: Mapping[str, Any]) -> bytes:
    """Return an artefact's fields as bytes; the same arrays give the same bytes."""
    arrays: dict[str, Any] = {name: _encode(fitted[name]) for name in _NAMES}
    arrays |= {name: fitted[name] for name in SHAPES}
    arrays |= {name: _encode([fitted[name]]) for name in _OPTIONAL if fitted[name]}
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, format=np.array(FORMAT), intercept=np.array(fitted["intercept"]), **arrays
    )
    return buffer.getvalue()


def read(data: bytes) -> dict[str, Any]:
    """Read an artefact's fields.

    Raises
    ------
    CorruptArtefact
        When the bytes are truncated, too large, or have another format or type.
    """
    if len(data) > MAXIMUM_ARTEFACT_BYTES:
        raise CorruptArtefact(f"the artefact has over {MAXIMUM_ARTEFACT_BYTES:,} bytes")
    try:
        arrays = _read_arrays(data)
    except CorruptArtefact:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise what hostile bytes lead them to
        raise CorruptArtefact(f"the artefact cannot be read: {error}") from error
    fitted: dict[str, Any] = {
        name: arrays[name].astype(np.int64 if name in _IDS else np.float64) for name in SHAPES
    }
    fitted |= {name: _decode(arrays[name]) for name in _NAMES}
    fitted |= {name: _decode(arrays[name])[0] for name in _OPTIONAL if name in arrays}
    return fitted | {"intercept": float(arrays["intercept"])}


def _require_format(found: NDArray[Any]) -> None:
    number = int(found) if found.shape == () and found.dtype.kind in "iu" else None
    if number != FORMAT:
        raise CorruptArtefact(
            f"the artefact's format is {number}, and this code reads {FORMAT}: it was trained by "
            "other rules; train again"
        )


def _read_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    wanted = {*_NAMES, *_SCALARS, *SHAPES}
    names = {*_NAMES, *_OPTIONAL}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if set(members) - {*_OPTIONAL} != wanted or len(archive.infolist()) != len(members):
            raise CorruptArtefact("the artefact does not hold the arrays that it should")
        if sum(info.file_size for info in members.values()) > MAXIMUM_ARTEFACT_BYTES:
            raise CorruptArtefact(f"the artefact unpacks to over {MAXIMUM_ARTEFACT_BYTES:,} bytes")
        arrays = {name: _read_array(archive.read(info)) for name, info in members.items()}
    _require_format(arrays["format"])
    for name, array in arrays.items():
        kinds = "u" if name in names else "i" if name in _IDS else "if"
        if array.dtype.kind not in kinds or (array.ndim == 0) != (name in _SCALARS):
            raise CorruptArtefact(f"{name} has the wrong type or shape")
    return arrays


def _read_array(member: bytes) -> NDArray[Any]:
    """Read a ``.npy`` file whose header promises no more than the file has.

    numpy's own reader allocates what the header promises before it looks for the data.
    """
    stream = io.BytesIO(member)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise CorruptArtefact("an array is not in version 1.0 of numpy's format")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    begin = stream.tell()
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(member) - begin:
        raise CorruptArtefact("an array is not as large as its header says, or no plain numbers")
    array = np.frombuffer(member, dtype, offset=begin)
    return array.reshape(shape, order="F" if is_fortran else "C")


def _encode(words: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(words).encode("utf-8"), dtype=np.uint8)


def _decode(array: NDArray[Any]) -> tuple[str, ...]:
    if np.count_nonzero(array == ord("\n")) >= _MOST_WORDS:
        raise CorruptArtefact(f"a list has over {_MOST_WORDS:,} words")
    try:
        text = array.tobytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorruptArtefact(f"a list of words is not UTF-8: {error.reason}") from error
    return tuple(text.split("\n")) if text else ()
