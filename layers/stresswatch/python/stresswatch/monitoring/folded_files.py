"""Which files of labels are in the table of the newest labels, as its metadata says."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

_FINGERPRINT_BYTES = 16


@dataclass
class FoldedFiles:
    """The files that the table is made of, each by its fingerprint.

    Attributes
    ----------
    folded : set of bytes
        Fingerprints of the files that are in it.
    again : set of bytes
        Of those with labels from the future, which will be valid one day: they are read each time.
    invalid : int
        Lines of the folded files that broke the contract.
    """

    folded: set[bytes] = field(default_factory=set)
    again: set[bytes] = field(default_factory=set)
    invalid: int = 0

    @classmethod
    def parse(cls, text: str, is_of: str) -> FoldedFiles | None:
        """Read what was written; None of a table of other rules or another key."""
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
    """Return what a file is known by: another one once it is written again."""
    named = f"{key}\n{etag}".encode()
    return hashlib.blake2b(named, digest_size=_FINGERPRINT_BYTES).digest()


def _packed(fingerprints: Iterable[bytes]) -> str:
    return base64.b64encode(b"".join(sorted(fingerprints))).decode()


def _unpacked(text: str) -> set[bytes]:
    joined = base64.b64decode(text)
    places = range(0, len(joined), _FINGERPRINT_BYTES)
    return {joined[place : place + _FINGERPRINT_BYTES] for place in places}
