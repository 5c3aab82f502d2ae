"""Name the two classes of a label, and the field for the predicted class."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Set
from itertools import chain, count

from stresswatch.task.label_words import folded, label_words
from stresswatch.task.reading import RESERVED_LABELS, is_reserved
from stresswatch.task.table import NAME

POSITIVE_WORDS = frozenset(
    {"1", "true", "yes", "y", "t", "pos", "positive", "ja", "oui", "si", "sí", "sim", "да"}
)
_NEGATIVE_WORDS = frozenset(
    {"0", "false", "no", "n", "f", "neg", "negative", "nein", "non", "não", "нет"}
)
"""Words that tell the classes apart without describing either."""
_NUMBER = re.compile(r"[+-]?[\d.,]+")


def describes(value: str) -> bool:
    """Return whether a label value describes its class."""
    word = folded(value)
    return not (word in POSITIVE_WORDS | _NEGATIVE_WORDS or _NUMBER.fullmatch(word))


def class_names(positive: str, negative: str, noun: str) -> tuple[list[str], list[str]]:
    """Return the names of the positive and the negative class from a file's two label values.

    The first name of each is for people: the value, or a name from the noun. The value follows
    wherever files would otherwise be read differently.
    """
    first = _for_people(positive, (noun, "positive", "selected"), {folded(negative)})
    otherwise = (f"not {first}", "negative", "other")
    second = _for_people(negative, otherwise, {folded(positive), folded(first)})
    words = label_words([first], [second])
    names = ([first], [second])
    for label, value in enumerate((negative, positive)):
        if words.get(folded(value)) != label:
            names[1 - label].append(_single_blanks(value))
    return names


def field_name(names: Iterable[str], taken: Set[str]) -> str:
    """Return the first valid field from names.

    Parameters
    ----------
    taken : set of str
        Names of other fields and of features, in lower case.
    """
    numbered = (f"positive_{number}" for number in count(2))
    fields = map(_as_field, chain(names, ["is_positive"], numbered))
    used = RESERVED_LABELS | taken
    return next(
        name
        for name in fields
        if NAME.fullmatch(name) and not is_reserved(name) and name.lower() not in used
    )


def _for_people(value: str, otherwise: Iterable[str], taken: Set[str]) -> str:
    if describes(value):
        readable = _single_blanks(value.replace("_", " "))
        return readable if folded(readable) == folded(value) else _single_blanks(value)
    return next(_single_blanks(name) for name in otherwise if folded(name) not in taken)


def _single_blanks(name: str) -> str:
    return " ".join(name.lower().split())


def _as_field(name: str) -> str:
    """Return a name with underscores, and without accents; other letters make it invalid."""
    letters = unicodedata.normalize("NFKD", name)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"\W+", "_", plain).strip("_")
