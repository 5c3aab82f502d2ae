r"""The serving artefact: a fitted pipeline as plain arrays, scored with numpy alone.

What is scored is scikit-learn's ``TfidfVectorizer`` over tokens and pairs of tokens (lower case,
sublinear term frequency, smoothed idf, l2 norm) beside standardised lexicon shares and numbers,
under a logistic regression:

.. math:: z = b + \sum_t \frac{x_t}{\lVert x \rVert} w_t
   + \sum_c \kappa\Big(\frac{s_c - m_c}{d_c}\Big) u_c
   + \sum_f \kappa\Big(\frac{n_f - m_f}{d_f}\Big) v_f, \quad p = 1 / (1 + e^{-z})

with :math:`x_t = (1 + \ln \mathrm{tf}_t)\,\mathrm{idf}_t`, the share :math:`s_c` of the text
that lexicon category `c` makes up, and :math:`\kappa` cutting at `FARTHEST` standard deviations.
A number that a post lacks is what the shares let expect: :math:`n_f = a_f + \sum_c r_{cf} s_c`.

An artefact is data, not code: reading one can fail, but cannot run anything.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.model.token_lookup import IdArray, PairTable, TokenIds
from stresswatch.text.normalisation import MAXIMUM_TEXT_LENGTH, TOKEN_PATTERN, normalise

FORMAT = 3
"""Of the file and of what is read in a text: a model is never scored by other rules of text."""
SHARE_PRIOR = 10
"""Tokens of no category that every text is taken to have, beside its own."""
SENTIMENT_CATEGORY = "polarity"
"""The lexicons' category whose share is a text's sentiment."""
FARTHEST = 4.0
"""Standard deviations from the mean beyond which a share or a number counts as no farther."""
MAXIMUM_ARTEFACT_BYTES = 16 * 1024 * 1024
"""As a file, and uncompressed; an artefact of 30,000 terms has about 1 MB."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_find_tokens = re.compile(TOKEN_PATTERN).findall
# What is computed for so many posts stays in the processor's cache.
_POSTS_AT_ONCE = 2**9
_MOST_TERMS = 2**31 // _POSTS_AT_ONCE
_MOST_WORDS = 2**20


class CorruptArtefact(ValueError):
    """The bytes are not an artefact that this code can score with."""


class Scores(NamedTuple):
    """What the model says of a batch, arrays of shape (n_posts,)."""

    probability: FloatArray
    out_of_vocabulary: FloatArray
    """Share of a text's words that the model does not know; 0 for a text without words."""
    sentiment: FloatArray
    """What the words' polarities come to; 0 for words without, or lexicons that know none."""
    word_rarity: FloatArray
    """Mean inverse document frequency of the words that the model knows; 0 without any."""


_NO_SCORES = Scores(*[np.empty(0)] * 4)


@dataclass(frozen=True, eq=False)
class Artefact:
    """A fitted model as arrays.

    Attributes
    ----------
    words : tuple of str
        Every token of the terms and the lexicons, in order of the ids below.
    first, second : ndarray of shape (n_terms,)
        Word ids of each term; `second` is -1 for a single token.
    idf, weight : ndarray of shape (n_terms,)
        Inverse document frequency, and coefficient in log-odds, of each term.
    categories : tuple of str
        The names of the lexicons' categories.
    entry_word, entry_category, entry_value : ndarray of shape (n_entries,)
        The lexicons: a word id, in ascending order, a category's place, and what the word weighs
        in that category.
    share_mean, share_scale, share_weight : ndarray of shape (n_categories,)
        Centre, divisor and coefficient of each category's share.
    expected_base : ndarray of shape (n_numeric_features,)
    expected_slope : ndarray of shape (n_categories, n_numeric_features)
        What a text's shares let expect of a number that the post lacks.
    mean, scale, number_weight : ndarray of shape (n_numeric_features,)
        Centre, divisor and coefficient of each of `NUMERIC_FEATURES`; the coefficient of a feature
        that was not selected is 0.
    intercept : float
    """

    words: tuple[str, ...]
    first: IntArray
    second: IntArray
    idf: FloatArray
    weight: FloatArray
    categories: tuple[str, ...]
    entry_word: IntArray
    entry_category: IntArray
    entry_value: FloatArray
    share_mean: FloatArray
    share_scale: FloatArray
    share_weight: FloatArray
    expected_base: FloatArray
    expected_slope: FloatArray
    mean: FloatArray
    scale: FloatArray
    number_weight: FloatArray
    intercept: float

    def __post_init__(self) -> None:
        lengths = {
            "terms": len(self.first),
            "entries": len(self.entry_word),
            "categories": len(self.categories),
            "numbers": len(NUMERIC_FEATURES),
        }
        for name, dimensions in _SHAPES.items():
            array = getattr(self, name)
            expected = tuple(lengths[dimension] for dimension in dimensions)
            if array.shape != expected:
                raise CorruptArtefact(f"{name} has shape {array.shape}, not {expected}")
            if not np.isfinite(array).all():
                raise CorruptArtefact(f"{name} holds a value that is not finite")
        n_words = len(self.words)
        if n_words + len(self.first) >= _MOST_TERMS:
            raise CorruptArtefact(f"there are over {_MOST_TERMS:,} words and terms")
        _require_ids("first", self.first, 0, n_words)
        _require_ids("second", self.second, -1, n_words)
        _require_ids("entry_word", self.entry_word, 0, n_words)
        _require_ids("entry_category", self.entry_category, 0, len(self.categories))
        if (np.diff(self.entry_word) < 0).any():
            raise CorruptArtefact("the lexicon's entries are not in the order of their words")
        if not (self.scale > 0).all() or not (self.share_scale > 0).all():
            raise CorruptArtefact("a scale is not positive")
        if not math.isfinite(self.intercept):
            raise CorruptArtefact("the intercept is not finite")

    def score(self, texts: Sequence[str], numbers: FloatArray) -> Scores:
        """Give the probability of stress of each post.

        A post's result depends on the post alone, to the last bit, whatever the batch around it:
        every sum runs in the order of the post's own terms.

        Parameters
        ----------
        texts : sequence of str, n_posts long
            Of each, the first `MAXIMUM_TEXT_LENGTH` characters of its normalised form are read.
        numbers : ndarray of shape (n_posts, n_numeric_features)
            In the order of `NUMERIC_FEATURES`, NaN where a post has none.
        """
        return self.score_normalised([normalise(text) for text in texts], numbers)

    def score_normalised(self, texts: Sequence[str], numbers: FloatArray) -> Scores:
        """Return what `score` does, of texts that `normalise` has given."""
        slices = [slice(at, at + _POSTS_AT_ONCE) for at in range(0, len(texts), _POSTS_AT_ONCE)]
        scores = [self._score(texts[some], numbers[some]) for some in slices]
        return Scores(*map(np.concatenate, zip(_NO_SCORES, *scores, strict=True)))

    def _score(self, texts: Sequence[str], numbers: FloatArray) -> Scores:
        word, n_tokens = self._token_ids.of(texts)
        post = np.repeat(np.arange(len(texts), dtype=np.int32), n_tokens + 1)
        known = np.flatnonzero(word != self._token_ids.unknown)
        known_word, known_post = word.take(known), post.take(known)
        shares = self._shares(known_post, known_word, n_tokens)
        pair_at, pair = self._pairs.find(word[:-1], word[1:])
        owner = np.concatenate([known_post, post.take(pair_at)])
        term = np.concatenate([known_word, pair + len(self.words)])
        log_odds = (
            self.intercept
            + self._term_log_odds(owner, term, len(texts))
            + _log_odds(shares, self.share_mean, self.share_scale, self.share_weight)
            + _log_odds(self._complete(numbers, shares), self.mean, self.scale, self.number_weight)
        )
        n_known = np.bincount(known_post, minlength=len(texts))
        return Scores(
            probability=np.array([_sigmoid(z) for z in log_odds.tolist()], dtype=np.float64),
            out_of_vocabulary=(n_tokens - n_known) / np.maximum(n_tokens, 1),
            sentiment=self._sentiment(shares),
            word_rarity=self._rarity(known_post, known_word, n_known),
        )

    def _sentiment(self, shares: FloatArray) -> FloatArray:
        if SENTIMENT_CATEGORY not in self.categories:
            return np.zeros(len(shares))
        return shares[:, self.categories.index(SENTIMENT_CATEGORY)]

    def _rarity(self, post: IdArray, word: IdArray, n_known: IntArray) -> FloatArray:
        total = np.bincount(post, weights=self._term_idf.take(word), minlength=len(n_known))
        return total / np.maximum(n_known, 1)

    def _term_log_odds(self, post: IdArray, term: IdArray, n_posts: int) -> FloatArray:
        # One number of 31 bits for both sorts fastest; `take` is faster than an index in brackets.
        bits = len(self._term_idf).bit_length()
        every = np.sort(post << bits | term)
        begin = np.flatnonzero(np.append(True, every[1:] != every[:-1])[: len(every)])
        count = np.diff(begin, append=len(every))
        distinct = every.take(begin)
        post, term = distinct >> bits, distinct & (1 << bits) - 1
        x = _SUBLINEAR.take(count) * self._term_idf.take(term)
        dot = np.bincount(post, weights=x * self._term_weight.take(term), minlength=n_posts)
        square = np.bincount(post, weights=x * x, minlength=n_posts)
        return dot / np.sqrt(np.where(square > 0, square, 1.0))

    def _shares(self, post: IdArray, word: IdArray, n_tokens: IntArray) -> FloatArray:
        begin, count = (each.take(word) for each in self._entries)
        token = np.repeat(np.arange(len(word)), count)
        ahead = begin - (np.cumsum(count) - count)
        entry = np.arange(len(token)) + ahead.take(token)
        n_posts, n_categories = len(n_tokens), len(self.categories)
        total = np.bincount(
            post.take(token) * n_categories + self.entry_category.take(entry),
            weights=self.entry_value.take(entry),
            minlength=n_posts * n_categories,
        )
        return total.reshape(n_posts, n_categories) / (n_tokens + SHARE_PRIOR)[:, None]

    def _complete(self, numbers: FloatArray, shares: FloatArray) -> FloatArray:
        gaps = np.isnan(numbers)
        if not gaps.any():
            return numbers
        expected = [_row_sums(shares * slope) for slope in self.expected_slope.T]
        return np.where(gaps, self.expected_base + np.column_stack(expected), numbers)

    @cached_property
    def _entries(self) -> tuple[IntArray, IntArray]:
        """For each word, the place of its first entry in the lexicons, and how many it has."""
        words = np.arange(len(self.words))
        start = np.searchsorted(self.entry_word, words)
        return start, np.searchsorted(self.entry_word, words, side="right") - start

    @cached_property
    def _token_ids(self) -> TokenIds:
        return TokenIds(self.words, _find_tokens)

    @cached_property
    def _pairs(self) -> PairTable:
        pairs = self.second >= 0
        return PairTable(self.first[pairs], self.second[pairs])

    @cached_property
    def _term_idf(self) -> FloatArray:
        return self._by_place(self.idf)

    @cached_property
    def _term_weight(self) -> FloatArray:
        return self._by_place(self.weight)

    def _by_place(self, values: FloatArray) -> FloatArray:
        """Order the terms' values by word, 0 for a word that is no term, then by place of pair."""
        alone = self.second < 0
        of_words = np.zeros(len(self.words))
        of_words[self.first[alone]] = values[alone]
        return np.concatenate([of_words, values[~alone][self._pairs.order]])

    def to_bytes(self) -> bytes:
        """Write the artefact; the same arrays give the same bytes."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in ("words", "categories", "intercept")
        }
        np.savez_compressed(
            buffer,
            format=np.array(FORMAT),
            numeric_features=_encode(NUMERIC_FEATURES),
            words=_encode(self.words),
            categories=_encode(self.categories),
            intercept=np.array(self.intercept),
            **arrays,
        )
        return buffer.getvalue()

    @staticmethod
    def from_bytes(data: bytes) -> Artefact:
        """Read an artefact.

        Raises
        ------
        CorruptArtefact
            When the bytes are cut off, too large, of another format or type, or made for other
            numeric features than this code's.
        """
        if len(data) > MAXIMUM_ARTEFACT_BYTES:
            raise CorruptArtefact(f"the artefact has over {MAXIMUM_ARTEFACT_BYTES:,} bytes")
        try:
            arrays = _read_arrays(data)
        except CorruptArtefact:
            raise
        except Exception as error:  # zipfile, zlib and numpy raise what hostile bytes lead them to
            raise CorruptArtefact(f"the artefact cannot be read: {error}") from error
        if _decode(arrays["numeric_features"]) != NUMERIC_FEATURES:
            raise CorruptArtefact("the artefact was trained on other numeric features")
        fitted: dict[str, Any] = {
            name: arrays[name].astype(np.int64 if name in _IDS else np.float64) for name in _SHAPES
        }
        return Artefact(
            words=_decode(arrays["words"]),
            categories=_decode(arrays["categories"]),
            intercept=float(arrays["intercept"]),
            **fitted,
        )


_SHAPES = {
    "first": ("terms",),
    "second": ("terms",),
    "idf": ("terms",),
    "weight": ("terms",),
    "entry_word": ("entries",),
    "entry_category": ("entries",),
    "entry_value": ("entries",),
    "share_mean": ("categories",),
    "share_scale": ("categories",),
    "share_weight": ("categories",),
    "expected_base": ("numbers",),
    "expected_slope": ("categories", "numbers"),
    "mean": ("numbers",),
    "scale": ("numbers",),
    "number_weight": ("numbers",),
}
_IDS = ("first", "second", "entry_word", "entry_category")
_NAMES = ("words", "categories", "numeric_features")
_SCALARS = ("format", "intercept")
# Counted once, with the C library's logarithm, so that a count weighs the same in every batch.
_SUBLINEAR = np.array(
    [0.0] + [1.0 + math.log(count) for count in range(1, MAXIMUM_TEXT_LENGTH + 1)]
)


def _log_odds(
    values: FloatArray, mean: FloatArray, scale: FloatArray, weight: FloatArray
) -> FloatArray:
    standardised = (values - mean) / scale
    return _row_sums(np.clip(standardised, -FARTHEST, FARTHEST) * weight)


def _row_sums(values: FloatArray) -> FloatArray:
    """Sum each row from left to right: in which order numpy's own sums run depends on the shape."""
    rows = np.repeat(np.arange(len(values)), values.shape[1])
    sums = np.bincount(rows, weights=values.ravel(), minlength=len(values))
    return sums.astype(np.float64, copy=False)


def _require_ids(name: str, ids: IntArray, lowest: int, end: int) -> None:
    if len(ids) and not lowest <= ids.min() <= ids.max() < end:
        raise CorruptArtefact(f"{name} names a word or category that there is not")


def _require_format(found: NDArray[Any]) -> None:
    number = int(found) if found.shape == () and found.dtype.kind in "iu" else None
    if number != FORMAT:
        raise CorruptArtefact(
            f"the artefact's format is {number}, and this code reads {FORMAT}: it was trained by "
            "other rules; train again"
        )


def _read_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    wanted = {*_NAMES, *_SCALARS, *_SHAPES}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if set(members) != wanted or len(archive.infolist()) != len(wanted):
            raise CorruptArtefact("the artefact does not hold the arrays that it should")
        if sum(info.file_size for info in members.values()) > MAXIMUM_ARTEFACT_BYTES:
            raise CorruptArtefact(f"the artefact unpacks to over {MAXIMUM_ARTEFACT_BYTES:,} bytes")
        arrays = {name: _read_array(archive.read(info)) for name, info in members.items()}
    _require_format(arrays["format"])
    for name, array in arrays.items():
        kinds = "u" if name in _NAMES else "i" if name in _IDS else "if"
        if array.dtype.kind not in kinds or (array.ndim == 0) != (name in _SCALARS):
            raise CorruptArtefact(f"{name} has the wrong type or shape")
    return arrays


def _read_array(member: bytes) -> NDArray[Any]:
    """Read a ``.npy`` file whose header promises no more than the file holds.

    numpy's own reader makes room for what the header says before it looks for the data.
    """
    stream = io.BytesIO(member)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise CorruptArtefact("an array is not in version 1.0 of numpy's format")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    begin = stream.tell()
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(member) - begin:
        raise CorruptArtefact("an array is not as large as its header says, or no plain numbers")
    array = np.frombuffer(member, dtype, offset=begin)
    return array.reshape(shape, order="F" if is_fortran else "C")


def _encode(words: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(words).encode("utf-8"), dtype=np.uint8)


def _decode(array: NDArray[Any]) -> tuple[str, ...]:
    if np.count_nonzero(array == ord("\n")) >= _MOST_WORDS:
        raise CorruptArtefact(f"a list has over {_MOST_WORDS:,} words")
    try:
        text = array.tobytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorruptArtefact(f"a list of words is not UTF-8: {error.reason}") from error
    return tuple(text.split("\n")) if text else ()


def _sigmoid(z: float) -> float:
    if z >= 0:
        return 1.0 / (1.0 + math.exp(-z))
    grown = math.exp(z)
    return grown / (1.0 + grown)
