"""Text as the model reads it, and text as posts are compared by it.

Training and serving share these functions, so that a token is the same token in both.
"""

from __future__ import annotations

TOKEN_PATTERN = r"\w+(?:'\w+)?|[!?]+|\.{2,}|[:;]-?[()]|[.,;:()\"*]"  # noqa: S105 - no secret
"""A word with its apostrophe, or punctuation that carries a tone: ``don't``, ``?!``, ``...``."""


def normalise(text: str) -> str:
    """Return the text in which tokens are found: lower case, apostrophes of one form."""
    return text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def canonical(text: str) -> str:
    """Return the text by which two posts are compared: normalised, each run of blanks one space."""
    return " ".join(normalise(text).split())
