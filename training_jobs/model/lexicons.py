"""Open word lists: prior knowledge about words before any post was labelled.

Two sentiment lexicons come from the packages that publish them; their files are read without an
import. English function words are closed classes and listed here. Together they replace licensed
software for posts without its scores.

- VADER (Hutto and Gilbert, 2014; MIT): words with a valence between -4 and 4.
  https://github.com/cjhutto/vaderSentiment
- The subjectivity lexicon of Pattern (De Smedt and Daelemans, 2012; PDDL), as TextBlob ships it:
  words with a polarity between -1 and 1 and a subjectivity between 0 and 1.
  https://github.com/clips/pattern
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from statistics import fmean
from xml.etree import ElementTree

from stresswatch.task.definition import TASK
from stresswatch.text.normalisation import TOKEN_PATTERN, normalise

Lexicons = dict[str, dict[str, float]]
"""For each category, the weights of its words."""

FUNCTION_WORDS = {
    "first_person_singular": "i me my mine myself i'm im i've ive i'd i'll",
    "first_person_plural": "we us our ours ourselves we're we've we'd we'll",
    "second_person": "you u your ur yours yourself you're you've you'd you'll",
    "third_person_singular": "he him his himself he's he'd he'll "
    "she her hers herself she's she'd she'll",
    "third_person_plural": "they them their theirs themselves they're they've they'd they'll",
    "impersonal": "it it's its this that these those",
    "negation": "no not never none nothing nobody nowhere neither nor without cannot can't cant "
    "don't dont didn't didnt doesn't doesnt won't wont isn't wasn't aren't weren't couldn't "
    "wouldn't shouldn't haven't hasn't hadn't ain't",
    "past": "was were had did been went said told got felt knew thought came took made started "
    "left",
    "present": "am is are do does has have feel know think want need get go say",
    "future": "will gonna going shall",
    "certainty": "always every everything all completely totally absolutely definitely",
    "tentativeness": "maybe perhaps might may could possibly seem seems somehow guess probably",
    "question": "how why what when where who whose which whether",
    "contrast": "but however although though except unless",
    "cause": "because since cause reason so therefore",
}


PUNCTUATION = {"exclamation": "! !! !!!", "question": "? ?? ???", "pause": "... .. ,"}
"""Categories for a task without lexicons, present in texts of any language."""


@cache
def read_lexicons(names: tuple[str, ...] = TASK.text.lexicons) -> Lexicons:
    """Read every category of the task's lexicons; leave out words that are not one model token.

    A task without lexicons has only `PUNCTUATION`. Missing features are then imputed close to their
    mean, and the descriptor ``text_sentiment`` is 0.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        When a lexicon's package is not installed.
    """
    readers = {"function_words": _function_words, "vader": _vader, "pattern": _pattern}
    categories: Lexicons = {}
    for name in names:
        categories |= readers[name]()
    is_token = re.compile(TOKEN_PATTERN).fullmatch
    return {
        name: {word: weight for word, weight in lexicon.items() if is_token(word)}
        for name, lexicon in (categories or _classes(PUNCTUATION)).items()
    }


def _function_words() -> Lexicons:
    return _classes(FUNCTION_WORDS)


def _classes(words: dict[str, str]) -> Lexicons:
    return {name: dict.fromkeys(listed.split(), 1.0) for name, listed in words.items()}


def _vader() -> Lexicons:
    valence: dict[str, float] = {}
    for line in _read("vaderSentiment", "vaderSentiment/vader_lexicon.txt").splitlines():
        word, value, *_ = line.split("\t")
        valence[normalise(word)] = float(value)
    positive = {word: value for word, value in valence.items() if value > 0}
    negative = {word: -value for word, value in valence.items() if value < 0}
    return {
        "positive_words": dict.fromkeys(positive, 1.0),
        "positive_strength": positive,
        "negative_words": dict.fromkeys(negative, 1.0),
        "negative_strength": negative,
    }


def _pattern() -> Lexicons:
    senses = defaultdict(list)
    document = _read("textblob", "textblob/en/en-sentiment.xml")
    for sense in ElementTree.fromstring(document):  # noqa: S314 - of a package pinned by its hash
        senses[normalise(sense.attrib["form"])].append(
            (float(sense.attrib["polarity"]), float(sense.attrib["subjectivity"]))
        )
    mean = {
        word: [fmean(column) for column in zip(*values, strict=True)]
        for word, values in senses.items()
    }
    return {
        "evaluative_words": dict.fromkeys(mean, 1.0),
        "polarity": {word: polarity for word, (polarity, _) in mean.items()},
        "subjectivity": {word: subjectivity for word, (_, subjectivity) in mean.items()},
    }


def _read(package: str, path: str) -> str:
    return Path(str(distribution(package).locate_file(path))).read_text("utf-8")
