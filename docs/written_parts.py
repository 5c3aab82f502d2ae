"""Parts of pages that a command writes, between two Markdown comments."""

from __future__ import annotations

import re

_PART = r"(?<=<!-- {name}: python -m {module} -->\n)(?:(?!<!--).)*(?=<!-- end -->)"


class MissingMarker(LookupError):
    """A page lacks a marker for a generated part, or has it more than once."""


def replace_part(page: str, name: str, module: str, part: str) -> str:
    """Return a page with an updated part, given its name and the module that writes it.

    Raises
    ------
    MissingMarker
    """
    pattern = _PART.format(name=name, module=re.escape(module))
    page, places = re.subn(pattern, lambda _: part, page, flags=re.DOTALL)
    if places != 1:
        raise MissingMarker(
            f"the page has {places} places from <!-- {name}: python -m {module} --> to "
            "<!-- end -->; it must have one"
        )
    return page
