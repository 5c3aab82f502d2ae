"""Texts that no parser reads: whether they name a person's id all the same."""

from __future__ import annotations

import re

from cli.forget.people import Ids


def named_in(text: str, ids: Ids) -> str | None:
    """Return the id that a text which no parser reads names as its field.

    Where it has no such field, an id that it holds in quotes will do.
    """
    forms = {text, _unescaped(text)}
    for post_id in sorted(ids):
        quoted = re.escape(post_id)
        field_ = rf"post[_\-\s]*id[\"'\s]*[:=][\"'\s]*{quoted}(?:\.0+)?(?=[\"'\s,;&}})\]]|$)"
        if any(re.search(f"(?i){field_}", form) for form in forms):
            return post_id
        # Beside a field that names another id, the same characters in quotes are something else.
        whole = rf"\"{quoted}\"|'{quoted}'"
        if not names_any(text) and any(re.search(whole, form) for form in forms):
            return post_id
    return None


def names_any(text: str) -> bool:
    return re.search(r"(?i)post[_\-\s]*id[\"'\s\\]*[:=]", text) is not None


def _unescaped(text: str) -> str:
    """Resolve JSON's escapes wherever they stand, as in JSON that lies in a string."""
    known = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    joined = known.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return re.sub(r"\\+([\"'/])", r"\1", joined)
