import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.model import token_lookup
from stresswatch.model.token_lookup import PairTable, TokenIds
from stresswatch.text.normalisation import TOKEN_PATTERN, normalise

find_tokens = re.compile(TOKEN_PATTERN).findall
KNOWN = ["don't", "sleep", "i", "...", "?!", ":(", ",", "ß", "不"]
TEXTS = st.lists(
    st.text()
    | st.lists(st.sampled_from([*KNOWN, " ", "\n", "\u2003", "\x1f", "_", "'", "²"])).map("".join),
    max_size=4,
)


@pytest.fixture(scope="module")
def token_ids():
    return TokenIds(KNOWN, find_tokens)


@given(TEXTS)
def test_tokens_equal_those_the_pattern_finds_in_the_whole_text(token_ids, texts):
    texts = [normalise(text) for text in texts]
    ids, counts = token_ids.of(texts)
    tokens = [find_tokens(text) for text in texts]
    assert counts.tolist() == [len(found) for found in tokens]
    known = {token: place for place, token in enumerate(KNOWN)}
    assert ids.tolist() == [
        place
        for found in tokens
        for place in [*(known.get(token, token_ids.unknown) for token in found), token_ids.unknown]
    ]


def test_pieces_with_unknown_tokens_are_not_cached():
    token_ids = TokenIds(KNOWN, find_tokens)
    token_ids.of(["i sleep, anna", "anna@example.org"])
    assert set(token_ids._pieces) == {"i", "sleep,"}


def test_the_cache_of_pieces_is_bounded(monkeypatch):
    monkeypatch.setattr(token_lookup, "MAXIMUM_PIECES", 10)
    token_ids = TokenIds(KNOWN, find_tokens)
    token_ids.of([" ".join("".join(piece) for piece in product(KNOWN, KNOWN)), "," * 40_000])
    assert 0 < len(token_ids._pieces) <= 10
    assert max(map(len, token_ids._pieces)) <= token_lookup.MAXIMUM_PIECE_LENGTH


IDS = st.integers(0, 2**31 - 1) | st.integers(0, 20)
PAIRS = st.lists(st.tuples(IDS, IDS), max_size=60, unique=True)


def columns(pairs, dtype):
    table = np.array(pairs, dtype=dtype).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@given(PAIRS, PAIRS)
def test_exactly_the_tables_pairs_are_found_with_their_position(pairs, others):
    table = PairTable(*columns(pairs, np.int64))
    wanted = [*others, *pairs, *others]
    found, place = table.find(*columns(wanted, np.int32))
    assert found.tolist() == [at for at, pair in enumerate(wanted) if pair in pairs]
    assert [pairs[at] for at in table.order[place]] == [wanted[at] for at in found]
