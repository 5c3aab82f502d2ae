"""Identifiers made of text that others wrote, such as a community's name or a file's.

Each service takes other characters and lengths, so each has a `Form`. Letters, digits and what a
form keeps stay as they are; any other character becomes its bytes in UTF-8, each as the form's
escape sign and two hexadecimal digits. Two texts never have the same identifier, an identifier is
never blank, and `Form.decode` gives the text back, but for one that was too long: its identifier
ends in a digest.

Examples
--------
>>> METRIC_DIMENSION.encode("anxiety & stress")
'anxiety %26 stress'
>>> METRIC_DIMENSION.decode("%C3%89picerie")
'Épicerie'
"""

from __future__ import annotations

import hashlib
import re
import string
from dataclasses import dataclass
from functools import cached_property

_DIGEST_LENGTH = 16
_HEX = "[0-9A-F]{2}"


@dataclass(frozen=True)
class Form:
    """What a service takes as an identifier.

    Attributes
    ----------
    escape : str
        Begins what stands for another character; never kept itself.
    longest : int
        Characters.
    kept : str
        Signs that stay. A blank, a period or a slash at either end, and a blank beside another,
        are escaped all the same.
    """

    escape: str
    longest: int
    kept: str

    def encode(self, text: str) -> str:
        """Make an identifier of a text, the same one each time."""
        parts = [self._part(text, place) for place in range(len(text))]
        # Nothing else has a hyphen after the escape sign.
        if not parts:
            return f"{self.escape}-"
        if sum(map(len, parts)) <= self.longest:
            return "".join(parts)
        digest = hashlib.sha256(_bytes(text)).hexdigest()[:_DIGEST_LENGTH]
        end = f"{self.escape}-{digest}"
        head, length = [], len(end)
        for part in parts:
            length += len(part)
            if length > self.longest:
                break
            head.append(part)
        return "".join([*head, end])

    def decode(self, identifier: str) -> str:
        """Return the text of an identifier; of a shortened one its beginning, ``…`` and its digest.

        What `encode` never made comes back as it is.
        """
        head, sign, digest = identifier.partition(f"{self.escape}-")
        try:
            text = self._escaped.sub(_character, head)
        except UnicodeDecodeError:
            return identifier
        return f"{text}… ({digest})" if sign and digest else text

    @cached_property
    def _escaped(self) -> re.Pattern[str]:
        return re.compile(f"(?:{re.escape(self.escape)}{_HEX})+")

    @cached_property
    def _plain(self) -> frozenset[str]:
        return frozenset(string.ascii_letters + string.digits + self.kept) - {self.escape}

    def _part(self, text: str, place: int) -> str:
        sign = text[place]
        is_at_an_end = place in (0, len(text) - 1)
        if sign in self._plain and not (
            (is_at_an_end and sign in " ./")
            or (sign == " " and " " in (text[place - 1], text[place + 1]))
        ):
            return sign
        return "".join(f"{self.escape}{byte:02X}" for byte in _bytes(sign))


METRIC_DIMENSION = Form("%", 1024, "-_./ ")
"""The value of a dimension of CloudWatch: printable ASCII, not blank.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
"""
METRIC_NAME = Form(".", 200, "-_ ")
"""A part of a metric's name in MLflow, whose parts a slash joins; the whole has 250 at most."""
OBJECT_NAME = Form("!", 900, "-_. ")
"""A part of a key in S3, and a file's name: the signs that S3 calls safe, and blanks within.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
"""


def printable(text: str) -> str:
    """Write a text for people to read on one line: what would not show is escaped with ``%``.

    So a name cannot break a line, hide, or turn the direction of what stands beside it.
    """
    shown = "".join(
        sign if sign.isprintable() else "".join(f"%{byte:02X}" for byte in _bytes(sign))
        for sign in text
    )
    return shown if shown.strip() else shown.replace(" ", "%20")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _character(found: re.Match[str]) -> str:
    signs = re.findall(_HEX + "(?=[^0-9A-F]|$)", found[0])
    return bytes.fromhex("".join(signs)).decode("utf-8", "surrogatepass")
