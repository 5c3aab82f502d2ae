"""Identifiers made from others' text, such as the name of a community or a file.

Services accept different characters and lengths, so each has a `Form`. Letters, digits and the
form's other safe characters stay unchanged. Any other character becomes its UTF-8 bytes, each as
the form's escape sign and two hexadecimal digits. Different texts have different identifiers, and
an identifier is never blank. `Form.decode` restores the text, unless it was too long: such an
identifier ends in a digest.

Examples
--------
>>> METRIC_DIMENSION.encode("food & drink")
'food %26 drink'
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
    """A service's rules for identifiers.

    Attributes
    ----------
    escape : str
        The prefix of an escaped byte; always escaped itself.
    longest : int
        Maximum length in characters.
    kept : str
        Other characters that stay. A blank, period or slash at either end, and repeated blanks,
        are always escaped.
    """

    escape: str
    longest: int
    kept: str

    def encode(self, text: str) -> str:
        """Return a text's identifier, which is always the same."""
        parts = [self._part(text, place) for place in range(len(text))]
        # Only a digest has a hyphen after the escape sign.
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
        """Return an identifier's text; for a shortened one its beginning, ``…`` and its digest.

        Other strings are returned unchanged.
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
"""A CloudWatch dimension value: printable ASCII, not blank.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
"""
METRIC_NAME = Form(".", 200, "-_ ")
"""A part of an MLflow metric name; slashes join parts, and the whole has at most 250 characters."""
OBJECT_NAME = Form("!", 900, "-_. ")
"""A part of an S3 key, and a file name: S3's safe characters, and inner blanks.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
"""


def printable(text: str) -> str:
    """Return a text for display on one line: invisible characters are escaped with ``%``.

    So a name cannot break a line, hide, or reverse the direction of adjacent text.
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
