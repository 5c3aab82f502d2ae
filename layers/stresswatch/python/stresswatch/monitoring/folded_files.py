"""The label files included in the table of newest labels, as stored in its metadata."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

_FINGERPRINT_BYTES = 16


@dataclass
class FoldedFiles:
    """The included files, each by its fingerprint.

    Attributes
    ----------
    folded : set of bytes
        Fingerprints of the included files.
    again : set of bytes
        Those among them with labels from the future, which become valid later: they are reread
        each time.
    invalid : int
        Invalid lines in the included files.
    """

    folded: set[bytes] = field(default_factory=set)
    again: set[bytes] = field(default_factory=set)
    invalid: int = 0

    @classmethod
    def parse(cls, text: str, is_of: str) -> FoldedFiles | None:
        """Read the stored state; None for a table with other rules or another key."""
        found = json.loads(text)
        if found["is_of"] != is_of:
            return None
        return cls(_unpacked(found["folded"]), _unpacked(found["again"]), found["invalid"])

    def to_json(self, is_of: str) -> str:
        return json.dumps(
            {
                "is_of": is_of,
                "folded": _packed(self.folded),
                "again": _packed(self.again),
                "invalid": self.invalid,
            }
        )


def fingerprint_of(key: str, etag: str) -> bytes:
    """Return a file's fingerprint, which changes when the file is rewritten."""
    named = f"{key}\n{etag}".encode()
    return hashlib.blake2b(named, digest_size=_FINGERPRINT_BYTES).digest()


def _packed(fingerprints: Iterable[bytes]) -> str:
    return base64.b64encode(b"".join(sorted(fingerprints))).decode()


def _unpacked(text: str) -> set[bytes]:
    joined = base64.b64decode(text)
    places = range(0, len(joined), _FINGERPRINT_BYTES)
    return {joined[place : place + _FINGERPRINT_BYTES] for place in places}
