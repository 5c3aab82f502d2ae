"""Removal notices, which a platform leaves instead of a post, and which are not posts.

The notices are part of the contract. Add another platform's to `REMOVAL_NOTICES`.
"""

from __future__ import annotations

import re

_WHO = (
    r"(?:an? |the )?(?:(?:original )?(?:user|author|poster)|op|owner|creator|account"
    r"|(?:auto)?mod(?:erator)?s?|mod(?:erator)?s?(?: of)? [/\w]+|mod(?:eration)? team"
    r"|admin(?:istrator)?s?|reddit(?:'s(?: [\w-]+){1,4})?|anti-evil operations|system|bot"
    r"|person who (?:originally )?(?:posted|wrote) (?:it|this))"
)
_WHY = (
    r"(?:(?:on account of|in response to|due to|because of|for|under|as|per)\b|[:(\u2013\u2014-] ?)"
    # A platform never refers to itself as one person, nor to others as people do.
    r"(?:(?!\b(?:i|me|my|mine|myself|he|him|his|she|her|hers)\b).){0,120}?"
    r"\b(?:polic(?:y|ies)|rules?|guidelines?|terms|notice|copyright|dmca|spam|law|request"
    r"|too long|violat\w+|requirements?)\b"
    r"(?:(?!\b(?:i|me|my|mine|myself|he|him|his|she|her|hers)\b).){0,60}"
)
_WHAT = r"(?:post|submission|comment|reply|message|text|content|title|thread|tweet)s?"
_GONE = rf"(?:removed|deleted|redacted)(?: by {_WHO})?(?:,? {_WHY}|{_WHY})?"
REMOVAL_NOTICES = (
    rf"(?:(?:this |the )?{_WHAT} (?:(?:was|has been|is) )?)?{_GONE}",
    r"(?:deleted|removed|suspended) (?:user|account)",
    r"(?:user|account) (?:deleted|removed|suspended)",
    r"removed too long",
    r"unavailable",
)
"""Notices in brackets for removed or deleted posts, as regular expressions.

They match `stresswatch.text.normalisation.canonical` text without Markdown and HTML tags: lower
case, with single spaces.
"""
REMOVAL_SENTENCES = (
    rf"(?:sorry, )?(?:this|the|your) {_WHAT} (?:was|has been|is) {_GONE}",
    r"(?:removed|deleted) by (?:reddit(?:'s(?: [\w-]+){1,4})?|automoderator|(?:a )?moderators?)"
    rf"(?: {_WHY})?",
    rf"(?:sorry, )?this {_WHAT} is (?:unavailable|no longer available)",
)
"""Notices without brackets: a platform's whole sentence, never a single word."""
FIRST_LETTERS = frozenset("SsTtYyRrDd")
"""Of `REMOVAL_SENTENCES`."""
LONGEST_NOTICE = 400
"""Maximum length of a notice, in canonical form."""

_WORD_PARTS = ("remov", "delet", "redact", "suspend", "vailable")
_notice = rf"[\[({{<]{{1,2}} ?(?:{'|'.join(REMOVAL_NOTICES)}) ?[.!]? ?[\])}}>]{{1,2}}"
_is_notices = re.compile(
    rf"(?:{_notice} ?)+(?:\[?view poll\]?(?:\(\S*\))?)?|(?:{'|'.join(REMOVAL_SENTENCES)})"
).fullmatch
_link = re.compile(r"\[([^\[\]()]*)\]\([^\s()]*\)")
_strip_tags = re.compile(
    r"<!--[^<>]*-->|</?(?:a|b|blockquote|br|code|del|div|em|i|p|s|span|strong)\b[^<>]*>"
).sub
_strip_outside = re.compile(r"^[^\w\[({<]+|[^\w\])}>]+$").sub
_strip_escapes = re.compile(r"[\\*_~`]").sub
# Of other scripts and of mathematics; the full-width ones have a plain form.
_BRACKETS = {
    **dict.fromkeys(map(ord, "\u3010\u3014\u3008\u27e6\u27e8\u301a"), "["),
    **dict.fromkeys(map(ord, "\u3011\u3015\u3009\u27e7\u27e9\u301b"), "]"),
}


def mentions_removal(text: str) -> bool:
    """Return whether a text has a word part that every notice has, such as "remov"."""
    small = text.lower()
    return any(part in small for part in _WORD_PARTS)


def is_removal_notice(plain: str) -> bool:
    """Return whether a text is only a notice that a post was removed or deleted.

    Case, blanks, Markdown, HTML, invisible characters and surrounding punctuation are ignored. A
    text with any word by a person is a post. The text must be canonical, from
    `stresswatch.text.normalisation.canonical`.
    """
    if len(plain) > LONGEST_NOTICE:
        return False
    plain = _strip_escapes("", plain).translate(_BRACKETS)
    plain = " ".join(_strip_tags(" ", _notice_of_link(plain)).split())
    return bool(_is_notices(_strip_outside("", plain).strip()))


def _notice_of_link(plain: str) -> str:
    """Replace each link by its text, in brackets if it is the whole text."""
    whole = _link.fullmatch(plain)
    return f"[{whole[1]}]" if whole else _link.sub(r"\1", plain)
