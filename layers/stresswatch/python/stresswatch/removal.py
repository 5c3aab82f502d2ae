"""What a platform leaves in place of a post that is gone: no text of a person's, and so no post.

The notices are part of the contract. Another platform's are added to `REMOVAL_NOTICES`.
"""

from __future__ import annotations

import re

from stresswatch.text import canonical

_WHO = (
    r"(?:an? |the )?(?:(?:original )?(?:user|author|poster)|op|owner|creator|account"
    r"|(?:auto)?mod(?:erator)?s?|mod(?:erator)?s?(?: of)? [/\w]+|mod(?:eration)? team"
    r"|admin(?:istrator)?s?|reddit(?:'s(?: [\w-]+){1,4})?|anti-evil operations|system|bot)"
)
_WHY = (
    r"(?:on account of|in response to|due to|because of|for|under|as|per)\b.{0,120}?"
    r"\b(?:polic(?:y|ies)|rules?|guidelines?|terms|notice|copyright|dmca|spam|law|request"
    r"|too long|violat\w+|requirements?)\b.{0,60}"
)
REMOVAL_NOTICES = (
    rf"(?:(?:this |the )?(?:post|submission|comment|reply|message|text|content|title|thread)s? "
    rf"(?:(?:was|has been|is) )?)?(?:removed|deleted)(?: by {_WHO})?(?:,? {_WHY})?",
    r"removed too long",
    r"unavailable",
)
"""What stands alone between brackets where a post was removed or deleted, as regular expressions.

They are matched with the text as `stresswatch.text.canonical` gives it, without Markdown: in small
letters, each run of blanks one space.
"""
LONGEST_NOTICE = 400
"""Characters of a notice, as it is matched."""

_notice = rf"[\[({{<] ?(?:{'|'.join(REMOVAL_NOTICES)}) ?[.!]? ?[\])}}>]"
_is_notices = re.compile(rf"(?:{_notice} ?)+(?:\[?view poll\]?(?:\(\S*\))?)?").fullmatch
_replace_links = re.compile(r"\[([^\[\]()]*)\]\([^\s()]*\)").sub
_strip_outside = re.compile(r"^[^\w\[({<]+|[^\w\])}>]+$").sub
_strip_escapes = re.compile(r"[\\*_~`]").sub


def is_removal_notice(text: str) -> bool:
    """Return whether a text is nothing but a notice that a post was removed or deleted.

    Case, blanks, Markdown, invisible characters and punctuation around it do not matter. A text
    with any other word outside the brackets is a post.
    """
    plain = canonical(text)
    if len(plain) > LONGEST_NOTICE:
        return False
    plain = _replace_links(r"\1", _strip_escapes("", plain))
    return bool(_is_notices(_strip_outside("", plain).strip()))
