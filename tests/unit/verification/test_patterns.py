"""Patterns of service models are read as Java reads them."""

import pytest

from verification.aws.patterns import UnknownPattern, matches

METADATA = r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256}"


@pytest.mark.parametrize(
    ("pattern", "taken", "refused"),
    [
        (METADATA, "rejected: größe", "rejected: F1, base holdout"),
        (r"[a-z]+", "abc", "abc1"),
        (r"\d+", "12", "١٢"),
        (r"[\w-.]+", "a-b", "ä"),
        (r".*", "one line", "two\nlines"),
        (r".*", "one line", "two\u2028lines"),
        (r"[\p{Alnum}]+", "a1", "ä1"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a😀", "a\x01"),
        (r"[^[]+", "a", "["),
        (r"[]a^]+", "]^", "b"),
        (r"[^\]]+\.", "a.", "]."),
    ],
)
def test_the_whole_value_must_match(pattern, taken, refused):
    assert matches(pattern, taken)
    assert not matches(pattern, refused)


def test_an_unreadable_pattern_is_an_error():
    with pytest.raises(UnknownPattern, match=r"\\p\{nonsense\}"):
        matches(r"\p{nonsense}", "a")
