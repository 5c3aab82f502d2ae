"""The model's input text, and the canonical text for comparing posts.

Training and serving share these functions, so both see the same tokens. `docs/model.md` has the
rules; a change requires a new `FORMAT` of the artefact.
"""

from __future__ import annotations

import re
from html import unescape
from html.entities import html5
from unicodedata import combining, normalize

TOKEN_PATTERN = r"\w+(?:'\w+)?|[!?]+|\.{2,}|[:;]-?[()]|[.,;:()\"*]"  # noqa: S105 - no secret
"""A word with its apostrophe, or punctuation that carries a tone: ``don't``, ``?!``, ``...``."""
MAXIMUM_TEXT_LENGTH = 40_000
"""Maximum length of a post and of its normalised text, in characters: the platforms' maximum."""
MOST_MARKS = 30
"""Combining marks to read in a row, because ordering them takes quadratic time.

Unicode's Stream-Safe Text Format has the same limit. https://www.unicode.org/reports/tr15/#UAX15-D3
"""

APOSTROPHES = (
    "\N{ACUTE ACCENT}\N{MODIFIER LETTER PRIME}\N{MODIFIER LETTER TURNED COMMA}"
    "\N{MODIFIER LETTER APOSTROPHE}\N{MODIFIER LETTER REVERSED COMMA}"
    "\N{MODIFIER LETTER ACUTE ACCENT}\N{MODIFIER LETTER GRAVE ACCENT}"
    "\N{ARMENIAN APOSTROPHE}\N{HEBREW PUNCTUATION GERESH}\N{GREEK VARIA}\N{GREEK OXIA}"
    "\N{GREEK KORONIS}\N{GREEK PSILI}\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
    "\N{SINGLE LOW-9 QUOTATION MARK}\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}\N{PRIME}"
    "\N{REVERSED PRIME}\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"
    "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
    "\N{HEAVY SINGLE TURNED COMMA QUOTATION MARK ORNAMENT}"
    "\N{HEAVY SINGLE COMMA QUOTATION MARK ORNAMENT}"
    "\N{HEAVY LOW SINGLE COMMA QUOTATION MARK ORNAMENT}"
    "\N{HEAVY LEFT-POINTING ANGLE QUOTATION MARK ORNAMENT}"
    "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"
    "\N{LATIN CAPITAL LETTER SALTILLO}\N{LATIN SMALL LETTER SALTILLO}"
    "\N{FULLWIDTH APOSTROPHE}\N{FULLWIDTH GRAVE ACCENT}"
)
"""Variants of the apostrophe and the single quotation mark: each becomes ``'``.

So does a grave accent, a common typing variant.
"""
QUOTATION_MARKS = (
    "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}"
    "\N{MODIFIER LETTER DOUBLE PRIME}\N{MODIFIER LETTER DOUBLE APOSTROPHE}"
    "\N{HEBREW PUNCTUATION GERSHAYIM}\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
    "\N{DOUBLE LOW-9 QUOTATION MARK}\N{DOUBLE HIGH-REVERSED-9 QUOTATION MARK}\N{DOUBLE PRIME}"
    "\N{REVERSED DOUBLE PRIME}\N{HEAVY DOUBLE TURNED COMMA QUOTATION MARK ORNAMENT}"
    "\N{HEAVY DOUBLE COMMA QUOTATION MARK ORNAMENT}"
    "\N{HEAVY LOW DOUBLE COMMA QUOTATION MARK ORNAMENT}\N{DOUBLE LOW-REVERSED-9 QUOTATION MARK}"
    "\N{LEFT CORNER BRACKET}\N{RIGHT CORNER BRACKET}\N{LEFT WHITE CORNER BRACKET}"
    "\N{RIGHT WHITE CORNER BRACKET}\N{REVERSED DOUBLE PRIME QUOTATION MARK}"
    "\N{DOUBLE PRIME QUOTATION MARK}\N{LOW DOUBLE PRIME QUOTATION MARK}"
    "\N{PRESENTATION FORM FOR VERTICAL LEFT CORNER BRACKET}"
    "\N{PRESENTATION FORM FOR VERTICAL RIGHT CORNER BRACKET}"
    "\N{PRESENTATION FORM FOR VERTICAL LEFT WHITE CORNER BRACKET}"
    "\N{PRESENTATION FORM FOR VERTICAL RIGHT WHITE CORNER BRACKET}\N{FULLWIDTH QUOTATION MARK}"
    "\N{HALFWIDTH LEFT CORNER BRACKET}\N{HALFWIDTH RIGHT CORNER BRACKET}"
    "\N{SANS-SERIF HEAVY DOUBLE TURNED COMMA QUOTATION MARK ORNAMENT}"
    "\N{SANS-SERIF HEAVY DOUBLE COMMA QUOTATION MARK ORNAMENT}"
    "\N{SANS-SERIF HEAVY LOW DOUBLE COMMA QUOTATION MARK ORNAMENT}"
)
"""Variants of the double quotation mark: each becomes ``"``."""
INVISIBLE = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""First and last of each range in Unicode's ``Default_Ignorable_Code_Point``: removed.

Soft hyphens, zero-width spaces and joiners, byte order marks, direction marks, variation selectors.
https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
"""

_UNSPACED = (
    "\u0e01-\u0e2e\u0e30-\u0e4e\u0e81-\u0ece\u0edc-\u0edf"  # Thai and Lao
    "\u1000-\u103f\u1050-\u108f\u1780-\u17dd"  # Burmese and Khmer
    "\u3005-\u3007\u3041-\u309f\u30a1-\u30ff"  # iteration marks, Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
"""Characters of scripts without spaces between words, as ranges of a regular expression."""

_FORMS = {
    **dict.fromkeys(APOSTROPHES, "'"),
    **dict.fromkeys(QUOTATION_MARKS, '"'),
    "\N{TRIPLE PRIME}": "\"'",
    "\N{REVERSED TRIPLE PRIME}": "\"'",
    "\N{QUADRUPLE PRIME}": '""',
    **{chr(code): "" for first, last in INVISIBLE for code in range(first, last + 1)},
}
_FEW_FORMS = 8
_find_beyond_ascii = re.compile("[^\0-\x7f]").findall
# Limited to the digits of a character's number: Python refuses to parse thousands of them.
_replace_references = re.compile(
    r"&(?:(?P<number>\#(?:[0-9]{1,9}(?![0-9])|[xX][0-9a-fA-F]{1,8}(?![0-9a-fA-F]))(?:;|(?!=)))"
    r"|[A-Za-z][A-Za-z0-9]{1,31}(?:;|(?![A-Za-z0-9=])))"
).sub
_replace_invisible_references = re.compile(
    r"&(?:#x0*200[b-f]|#0*820[3-7]|#x0*feff|#0*65279|#x0*ad|#0*173|zwn?j|shy"
    r"|zerowidthspace|(?P<blank>nbsp|#x0*a0|#0*160));",
    re.IGNORECASE,
).sub

_MARKS_THAT_ARE_LETTERS = (
    "\N{HALFWIDTH KATAKANA VOICED SOUND MARK}\N{HALFWIDTH KATAKANA SEMI-VOICED SOUND MARK}"
)
_MARKS_BY_DECOMPOSITION = frozenset(
    "\N{TIBETAN VOWEL SIGN II}\N{TIBETAN VOWEL SIGN UU}\N{TIBETAN VOWEL SIGN REVERSED II}"
    + _MARKS_THAT_ARE_LETTERS
)
_replace_long_runs = re.compile(
    rf"(?:[^\w\s\0-\x7f]|[{_MARKS_THAT_ARE_LETTERS}]){{{MOST_MARKS + 1},}}"
).sub

_has_unspaced = re.compile(f"[{_UNSPACED}]").search
_between_unspaced = re.compile(rf"(?<=[{_UNSPACED}])(?=\w)|(?<=\w)(?=[{_UNSPACED}])(?=\w)").sub

_BLANKS = b"".join(bytes([code]) for code in range(128) if chr(code).isspace())
_BLANKS_TO_SPACES = bytes.maketrans(_BLANKS, b" " * len(_BLANKS))


def normalise(text: str) -> str:
    """Return the text for tokenisation, of at most `MAXIMUM_TEXT_LENGTH` characters.

    HTML character references are decoded once. `INVISIBLE` characters and combining marks beyond
    `MOST_MARKS` are removed. Apostrophes and quotation marks are unified. Other characters are
    converted to Unicode's form NFKC: full-width letters become plain ones, a no-break space a
    space, an ellipsis three dots. Letters become lower case. In scripts without spaces, each
    character is a word, so terms are characters and pairs of them.
    """
    if "&" in text:
        text = decode_references(text)
    if not text.isascii():
        # Most posts contain no other character beyond ASCII, and this alone is twice as fast.
        text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        if not text.isascii():
            text = _plain_forms(normalize("NFKC", _few_marks(_plain_forms(text))))
            if _has_unspaced(text):
                text = _between_unspaced(" ", text)
    return text.lower()[:MAXIMUM_TEXT_LENGTH].replace("`", "'")


def canonical(text: str) -> str:
    """Return the canonical text for comparing posts: normalised, with single spaces."""
    return single_spaced(normalise(text)).decode("utf-8", "surrogatepass")


def single_spaced(text: str) -> bytes:
    """Return the text in UTF-8 with a space for each run of blanks, and none at its ends.

    The result equals splitting at blanks and joining with spaces, in less than half the time for
    ASCII text, which is most normalised text.
    """
    if not text.isascii():
        return " ".join(text.split()).encode("utf-8", "surrogatepass")
    spaced = text.encode("ascii").translate(_BLANKS_TO_SPACES)
    while b"  " in spaced:
        spaced = spaced.replace(b"  ", b" ")
    return spaced.strip(b" ")


def decode_references(text: str) -> str:
    """Decode HTML character references, once: ``&amp;lt;`` becomes ``&lt;``.

    A name without its semicolon is one of HTML's older ones, and must not precede a letter, as in
    an attribute: ``black &amp white`` has one, ``?a=1&section=2`` has none. References to invisible
    characters, which Reddit's editor inserts, are removed even from text that was encoded twice:
    ``&amp;#x200B;`` becomes nothing.
    """
    return _replace_invisible_references(
        lambda found: " " if found["blank"] else "", _replace_references(_character, text)
    )


def _character(found: re.Match[str]) -> str:
    if found["number"]:
        return unescape(found[0])
    return html5.get(found[0][1:], found[0])


def _few_marks(text: str) -> str:
    """Remove combining marks beyond `MOST_MARKS` in a row."""
    is_long = len(text.encode("utf-8", "surrogatepass")) - len(text) > MOST_MARKS
    return _replace_long_runs(_first_marks, text) if is_long else text


def _first_marks(found: re.Match[str]) -> str:
    kept, in_a_row = [], 0
    for character in found[0]:
        is_mark = combining(character) or character in _MARKS_BY_DECOMPOSITION
        in_a_row = in_a_row + 1 if is_mark else 0
        if in_a_row <= MOST_MARKS:
            kept.append(character)
    return "".join(kept)


def _plain_forms(text: str) -> str:
    found = [each for each in set(_find_beyond_ascii(text)) if each in _FORMS]
    if len(found) > _FEW_FORMS:
        return "".join([_FORMS.get(character, character) for character in text])
    # A text has at most one or two of them: faster than a look-up of each character.
    for character in found:
        text = text.replace(character, _FORMS[character])
    return text
