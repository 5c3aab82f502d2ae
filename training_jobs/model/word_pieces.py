"""A text as BERT reads it: the ids of its WordPiece tokens, uncased vocabulary.

``word_pieces.txt`` is the vocabulary of BERT-base uncased (Devlin et al., 2019; Apache 2.0), with
one token per line. all-MiniLM-L6-v2 shares it. https://github.com/google-research/bert
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import chain, islice
from pathlib import Path
from unicodedata import category, normalize

from stresswatch.text.normalisation import normalise

_FILE = Path(__file__).with_name("word_pieces.txt")
_LONGEST_WORD = 100
_is_alone = re.compile(
    "[!-/:-@\\[-`{-~\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f]"
).match


def token_numbers(text: str, maximum: int) -> list[int]:
    """Return the ids of the text's first tokens, between those of ``[CLS]`` and ``[SEP]``.

    Parameters
    ----------
    text : str
        Normalised or raw.
    maximum : int
        Number of ids, including the two at the ends.
    """
    vocabulary = _vocabulary()
    plain = normalize("NFD", normalise(text))
    words = "".join(map(_spaced, plain)).split()
    numbers = chain.from_iterable(map(_numbers_of_word, words))
    return [vocabulary["[CLS]"], *islice(numbers, maximum - 2), vocabulary["[SEP]"]]


@cache
def _vocabulary() -> dict[str, int]:
    tokens = _FILE.read_text(encoding="utf-8").split()
    return {token: number for number, token in enumerate(tokens)}


@lru_cache(2**12)
def _spaced(character: str) -> str:
    """Separate punctuation and Chinese characters; drop accents and control characters."""
    kind = category(character)
    if character.isspace():
        return " "
    if kind in ("Mn", "Cc", "Cf", "Co") or character == "\N{REPLACEMENT CHARACTER}":
        return ""
    return f" {character} " if kind.startswith("P") or _is_alone(character) else character


@lru_cache(2**14)
def _numbers_of_word(word: str) -> tuple[int, ...]:
    """Split a word into the longest pieces in the vocabulary, from left to right."""
    vocabulary = _vocabulary()
    unknown = (vocabulary["[UNK]"],)
    if len(word) > _LONGEST_WORD:
        return unknown
    numbers = []
    begin = 0
    while begin < len(word):
        prefix = "##" if begin else ""
        ends = range(len(word), begin, -1)
        end = next((end for end in ends if prefix + word[begin:end] in vocabulary), None)
        if end is None:
            return unknown
        numbers.append(vocabulary[prefix + word[begin:end]])
        begin = end
    return tuple(numbers)
