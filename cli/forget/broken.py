"""Search for a person's ids in texts that no parser reads."""

from __future__ import annotations

import re

from cli.forget.people import Ids


def named_in(text: str, ids: Ids) -> str | None:
    """Return the id in the id field of a text that no parser reads.

    Without such a field, an id in quotes counts.
    """
    forms = {text, _unescaped(text)}
    for post_id in sorted(ids):
        quoted = re.escape(post_id)
        field_ = rf"post[_\-\s]*id[\"'\s]*[:=][\"'\s]*{quoted}(?:\.0+)?(?=[\"'\s,;&}})\]]|$)"
        if any(re.search(f"(?i){field_}", form) for form in forms):
            return post_id
        # Next to a field with another id, the same characters in quotes mean something else.
        whole = rf"\"{quoted}\"|'{quoted}'"
        if not names_any(text) and any(re.search(whole, form) for form in forms):
            return post_id
    return None


def names_any(text: str) -> bool:
    return re.search(r"(?i)post[_\-\s]*id[\"'\s\\]*[:=]", text) is not None


def _unescaped(text: str) -> str:
    """Resolve JSON's escapes anywhere, as in JSON within a string."""
    known = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    joined = known.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return re.sub(r"\\+([\"'/])", r"\1", joined)
