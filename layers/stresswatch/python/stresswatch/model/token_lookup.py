"""Look-ups of many tokens, and many pairs of tokens, at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

IdArray = NDArray[np.int32]
PlaceArray = NDArray[np.intp]

MAXIMUM_PIECES = 2**15
MAXIMUM_PIECE_LENGTH = 24
"""Bounds of what `TokenIds` keeps: some 6 MB."""


class TokenIds:
    """Finds the tokens of texts, and their ids.

    A text is split at white space, and what the pieces hold is kept: most are met again. Only
    pieces whose every token is known are kept, so no name or number that a post tells stays.

    Parameters
    ----------
    tokens : sequence of str
        Those that are known; an id is a place in it.
    find_tokens : callable
        Gives the tokens of a text. None has white space in it or depends on what lies beyond some,
        and letters and digits alone are one token.

    Attributes
    ----------
    unknown : int
        The id of every other token.
    """

    def __init__(self, tokens: Sequence[str], find_tokens: Callable[[str], list[str]]):
        self.unknown = len(tokens)
        self._pieces = _Pieces(tokens, find_tokens)

    def of(self, texts: Sequence[str]) -> tuple[IdArray, NDArray[np.int64]]:
        """Return the ids of all tokens, an unknown one after each text, and the token counts.

        The numbers do not count the unknown that ends a text.
        """
        packed = self._pieces.__getitem__
        # Every step in C: a piece costs some 0.1 microseconds, a third of finding it by regex.
        ids = [b"".join(map(packed, text.split())) for text in texts]
        counts = np.fromiter(map(len, ids), np.int64, len(ids)) // np.dtype(np.int32).itemsize
        ids.append(b"")
        return np.frombuffer(_pack(self.unknown).join(ids), np.int32), counts


class _Pieces(dict[str, bytes]):
    """The packed ids of the tokens of a piece, found out when it is first asked for."""

    def __init__(self, tokens: Sequence[str], find_tokens: Callable[[str], list[str]]):
        self._ids = {token: _pack(place) for place, token in enumerate(tokens)}
        self._unknown = _pack(len(tokens))
        self._find_tokens = find_tokens

    def __missing__(self, piece: str) -> bytes:
        if piece.isalnum() and piece not in self._ids:
            return self._unknown
        ids = list(map(self._ids.get, self._find_tokens(piece), repeat(self._unknown)))
        packed = b"".join(ids)
        if self._unknown not in ids and len(piece) <= MAXIMUM_PIECE_LENGTH:
            if len(self) >= MAXIMUM_PIECES:
                self.clear()
            self[piece] = packed
        return packed


def _pack(token_id: int) -> bytes:
    return np.int32(token_id).tobytes()


class PairTable:
    """Finds which pairs of ids are among those of a fixed set: a hash table that numpy can read.

    Keys lie in order of their slot. A slot says where its keys begin, and the search walks on from
    there, for all pairs at once, by as many steps as the fullest slot has keys.

    Parameters
    ----------
    first, second : ndarray of shape (n_pairs,)
        Ids, each pair once.

    Attributes
    ----------
    order : ndarray of shape (n_pairs,)
        The places of the given pairs in the order that `find` speaks of.
    """

    def __init__(self, first: NDArray[np.int64], second: NDArray[np.int64]):
        keys = _pair_keys(first, second)
        self._mask = 2 ** (4 * len(keys)).bit_length() - 1
        slots = keys & self._mask
        sizes = np.bincount(slots, minlength=self._mask + 1)
        self.order = np.argsort(slots, kind="stable")
        self._steps = max(int(sizes.max()) - 1, 0)
        self._begin = (np.cumsum(sizes) - sizes).astype(np.int32)
        self._keys = np.append(keys[self.order], np.full(self._steps + 1, -1))

    def find(self, first: IdArray, second: IdArray) -> tuple[PlaceArray, IdArray]:
        """Return which of the pairs are in the table, and the place in `order` of each of these."""
        wanted = _pair_keys(first, second)
        place = self._begin.take(wanted & self._mask)
        for _ in range(self._steps):
            place += self._keys.take(place) != wanted
        found = np.flatnonzero(self._keys.take(place) == wanted)
        return found, place.take(found)


def _pair_keys(first: NDArray[np.integer], second: NDArray[np.integer]) -> NDArray[np.int64]:
    # The golden ratio's bits: unlike for every pair of 31-bit ids, and spread in their low bits.
    return first * np.int64(0x9E3779B1) + second
