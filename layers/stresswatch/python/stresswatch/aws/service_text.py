"""Text in the form that each AWS service accepts.

A service refuses the whole call for one invalid character or excess length. So text is shortened or
its characters are replaced; complete texts are in files.
"""

from __future__ import annotations

import re
import unicodedata

_METADATA_CHARACTERS = 256
_METADATA_CATEGORIES = "LNZ"
_METADATA_PUNCTUATION = "_.:/=+-@"
_DESCRIPTION_CHARACTERS = 1024
_SUBJECT_CHARACTERS = 99
_MESSAGE_BYTES = 262_144
_LINE_ENDS = re.compile(r"\s*[\n\r\x0b\x0c\x85\u2028\u2029]\s*")


def metadata_value(text: str) -> str:
    """Return text as a model package metadata value; ``none`` for an empty one.

    Letters, numbers, separators and ``_.:/=+-@`` are valid. A comma becomes a hyphen, and any other
    character ``_``.

    References
    ----------
    ``CustomerMetadataValue`` in SageMaker's service model.

    Examples
    --------
    >>> metadata_value("rejected: F1, base holdout")
    'rejected: F1 - base holdout'
    """
    with_hyphens = re.sub(r"\s*,\s*", " - ", one_line(text))
    taken = "".join(one if _is_metadata(one) else "_" for one in with_hyphens)
    return cut(taken.strip(), _METADATA_CHARACTERS) or "none"


def description(text: str) -> str:
    """Return text as a description of at most 1,024 characters in one line.

    References
    ----------
    ``ApprovalDescription`` and ``EntityDescription`` in SageMaker's service model, whose patterns
    exclude line breaks; ``ParameterDescription`` in SSM's.
    """
    return cut(one_line(text), _DESCRIPTION_CHARACTERS)


def subject(text: str) -> str:
    """Return text as an SNS subject: below 100 ASCII characters on one line.

    References
    ----------
    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    plain = unicodedata.normalize("NFKD", one_line(text)).encode("ascii", "ignore").decode()
    printable = "".join(one for one in plain if one.isprintable()).strip()
    return cut(printable, _SUBJECT_CHARACTERS) or "Stresswatch"


def message(text: str) -> str:
    """Return text as an SNS message of at most 262,144 bytes; a longer one ends with a note.

    References
    ----------
    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    if len(text.encode()) <= _MESSAGE_BYTES:
        return text
    ending = "\n\n(cut: the message was too long)"
    kept = text.encode()[: _MESSAGE_BYTES - len(ending)]
    return kept.decode(errors="ignore") + ending


def one_line(text: str) -> str:
    """Return text with a space instead of each line break."""
    return _LINE_ENDS.sub(" ", text.strip())


def cut(text: str, most: int) -> str:
    """Return text with a limit in UTF-16 code units, which AWS counts as characters."""
    return text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", errors="ignore")


def _is_metadata(character: str) -> bool:
    return (
        character in _METADATA_PUNCTUATION
        or unicodedata.category(character)[0] in _METADATA_CATEGORIES
    )
