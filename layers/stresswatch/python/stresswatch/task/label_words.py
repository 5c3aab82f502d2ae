"""The words for a label in files, and the class that each stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence

USUAL_PAIRS = ({"0": 0, "1": 1}, {"true": 1, "false": 0})
"""Labels by word, where the task gives these words no other meaning."""
_BETWEEN_WORDS = re.compile(r"(?<=[^\s_-])[\s_-]+(?=[^\s_-])")
_WHOLE = re.compile(r"([+-]?[0-9]+)\.0*")


def folded(word: str) -> str:
    """Return a word for a label without case, hyphens and the decimals of an integer.

    Examples
    --------
    >>> folded(" Not-Helpful"), folded("1.0"), folded("-1")
    ('not helpful', '1', '-1')
    """
    words = _BETWEEN_WORDS.sub(" ", " ".join(word.casefold().split()))
    number = _WHOLE.fullmatch(words)
    return number[1] if number else words


def label_words(positive: Sequence[str], negative: Sequence[str]) -> dict[str, int]:
    """Return the label for each folded word: class names, and pairs that they leave alone."""
    names = {folded(name): 0 for name in negative} | {folded(name): 1 for name in positive}
    words: dict[str, int] = {}
    for pair in USUAL_PAIRS:
        if all(names.get(word, label) == label for word, label in pair.items()):
            words |= pair
    return words | names
