import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.text.normalisation import (
    APOSTROPHES,
    INVISIBLE,
    MAXIMUM_TEXT_LENGTH,
    MOST_MARKS,
    QUOTATION_MARKS,
    TOKEN_PATTERN,
    canonical,
    normalise,
)

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
EVERY_CHARACTER = [
    chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) != "Cs"
]
FULL_WIDTH = {code: code + 0xFEE0 for code in range(ord("!"), ord("~") + 1)}
SCRIPT = {ord("a") + place: 0x1D4EA + place for place in range(26)}


def tokens(text: str) -> list[str]:
    return re.findall(TOKEN_PATTERN, normalise(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don&#39;t &amp; I can&rsquo;t", "i don't & i can't"),
        ("&lt;3 &gt; &quot;x&quot;", '<3 > "x"'),
        ("&Eacute;mile", "émile"),
        ("caf&#xE9;", "café"),
        ("it&#146;s", "it's"),
        ("a&nbsp;b", "a b"),
        ("a &amp b", "a & b"),
    ],
)
def test_html_references_are_decoded(text, expected):
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("&amp;lt;", "&lt;"), ("&amp;amp;", "&amp;"), ("&amp;#39;", "&#39;")],
)
def test_references_are_decoded_once(text, expected):
    assert normalise(text) == expected


@pytest.mark.parametrize(
    "text", ["at&t", "q&a", "r&degradation", "?a=1&section=2&amp=3", "&;", "&#;", "&#x;", "&foo;"]
)
def test_an_invalid_reference_is_kept(text):
    assert normalise(text) == text


@pytest.mark.parametrize("digits", ["#" + "9" * 39_000, "#x" + "f" * 39_000, "#0" + "0" * 39_000])
def test_a_reference_with_too_many_digits_is_kept(digits):
    assert normalise(f"&{digits};") == f"&{digits};"


@pytest.mark.parametrize("reference", ["&#xD800;", "&#0;", "&#1114112;", "&#x1FFFFF;"])
def test_a_reference_to_an_invalid_character_can_be_encoded(reference):
    assert normalise(reference).encode()


@pytest.mark.parametrize(
    "text",
    ["a&#x200B;b", "a&#8203;b", "a&zwj;b", "a&shy;b", "a&amp;#x200B;b", "a&amp;#8203;b"],
)
def test_references_to_invisible_characters_are_removed(text):
    assert normalise(text) == "ab"


def test_a_doubly_encoded_no_break_space_is_a_space():
    assert normalise("a&amp;nbsp;b") == "a b"


@pytest.mark.parametrize("sign", [*APOSTROPHES, "`"])
def test_every_apostrophe_makes_the_same_word(sign):
    assert tokens(f"I don{sign}t") == ["i", "don't"]


@pytest.mark.parametrize("sign", QUOTATION_MARKS)
def test_every_quotation_mark_is_the_same_token(sign):
    assert tokens(f"{sign}no{sign}") == ['"', "no", '"']


def test_all_unicode_quotation_marks_are_covered():
    left = [
        unicodedata.name(sign)
        for sign in EVERY_CHARACTER
        if re.search(r"QUOTATION MARK|\bAPOSTROPHE\b", unicodedata.name(sign, ""))
        and not unicodedata.name(sign).startswith(("NKO", "TAG"))
        and normalise(sign) not in ("'", '"', "'n")
    ]
    assert left == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("full Width!".translate(FULL_WIDTH), "full width!"),
        ("stress".translate(SCRIPT), "stress"),
        ("wait\N{HORIZONTAL ELLIPSIS} what\N{DOUBLE EXCLAMATION MARK}", "wait... what!!"),
        (
            "\N{LATIN SMALL LIGATURE FI}ne\N{NO-BREAK SPACE}day\N{IDEOGRAPHIC SPACE}off",
            "fine day off",
        ),
        ("cafe\N{COMBINING ACUTE ACCENT}", "café"),
    ],
)
def test_compatibility_forms_are_normalised(text, expected):
    assert normalise(text) == expected


def test_invisible_characters_do_not_split_words():
    text = "str\N{SOFT HYPHEN}es\N{ZERO WIDTH SPACE}sed\N{ZERO WIDTH NO-BREAK SPACE}"
    assert normalise(text) == "stressed"


def test_an_emojis_joiner_and_variation_selector_are_removed():
    joined = "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GRADUATION CAP}"
    assert normalise(joined) == "\N{WOMAN}\N{GRADUATION CAP}"
    assert normalise("\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}") == "\N{HEAVY BLACK HEART}"


def test_every_invisible_character_is_removed():
    every = "".join(chr(code) for first, last in INVISIBLE for code in range(first, last + 1))
    assert normalise(f"a{every}b") == "ab"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我很累,睡不着!!".translate(FULL_WIDTH), ["我", "很", "累", ",", "睡", "不", "着", "!!"]),
        ("ｶﾞｯｺｳで iPhone15を", ["ガ", "ッ", "コ", "ウ", "で", "iphone15", "を"]),
        ("stress?".translate(FULL_WIDTH), ["stress", "?"]),
        ("นอนไม่หลับ", [*"นอนไมหลบ"]),
        ("오늘은 힘들다", ["오늘은", "힘들다"]),
    ],
)
def test_text_without_spaces_is_tokenised_by_character(text, expected):
    assert tokens(text) == expected


def test_a_combining_mark_stays_with_its_character():
    assert normalise("か\N{COMBINING KATAKANA-HIRAGANA VOICED SOUND MARK}き") == "が き"
    assert normalise("ที่นี่") == "ที่ นี่"


def test_plain_ascii_is_only_lowercased():
    text = "".join(map(chr, range(128))).replace("&", "").replace("`", "")
    assert normalise(text) == text.lower()


def test_normalising_any_single_character_is_idempotent():
    changed = [sign for sign in EVERY_CHARACTER if normalise(normalise(sign)) != normalise(sign)]
    assert changed == []


@given(ANY_TEXT)
def test_normalisation_is_idempotent_without_references(text):
    once = normalise(text.replace("&", " "))
    if "&" not in once:  # a full-width ampersand becomes one
        assert normalise(once) == once


@given(ANY_TEXT | st.text("&;#x0aAmplt39 "))
def test_normalised_text_can_always_be_encoded(text):
    assert normalise(text).encode().decode() == normalise(text)


@given(ANY_TEXT, st.sampled_from(["\N{ZERO WIDTH SPACE}", "\N{SOFT HYPHEN}", "\ufeff"]), st.data())
def test_an_invisible_character_never_changes_the_result(text, sign, data):
    text = text.replace("&", "")
    place = data.draw(st.integers(0, len(text)))
    assert normalise(text[:place] + sign + text[place:]) == normalise(text)


@pytest.mark.parametrize("sign", ["\ufdfa", "\u2a74", "\u0130", "\u33c2", "&#xfdfa;"])
def test_normalised_text_never_exceeds_the_maximum_length(sign):
    text = (sign * MAXIMUM_TEXT_LENGTH)[:MAXIMUM_TEXT_LENGTH]
    assert len(normalise(text)) <= MAXIMUM_TEXT_LENGTH


# Two classes of marks in turn: NFKC sorts marks, in quadratic time.
@pytest.mark.parametrize("marks", ["\u0301\u0327", "\u0344\u0323", "\u0f73\u0f75", "\u0301\uff9e"])
def test_long_runs_of_combining_marks_are_truncated(marks):
    text = "a" + marks * (MAXIMUM_TEXT_LENGTH // len(marks) - 1) + "b"
    assert len(normalise(text)) <= 2 * MOST_MARKS + 2
    assert normalise(text)[-1] == "b"


def test_short_runs_of_combining_marks_are_kept():
    text = ("a" + "\N{COMBINING ACUTE ACCENT}\N{COMBINING CEDILLA}" * 15) * 100
    assert normalise(text) == unicodedata.normalize("NFKC", text)


def test_a_row_of_emoji_is_kept():
    assert normalise("\N{CRYING FACE}" * 100) == "\N{CRYING FACE}" * 100


def test_canonical_text_ignores_whitespace_and_character_forms():
    assert canonical(" I  CAN\N{RIGHT SINGLE QUOTATION MARK}T\n\nsleep&nbsp;") == "i can't sleep"
    assert canonical("I can't\tsleep\N{ZERO WIDTH SPACE}") == "i can't sleep"
