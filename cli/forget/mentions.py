"""Search a JSON value for an id anywhere, where no field names the owner."""

from __future__ import annotations

import re
from base64 import b64decode

from cli.forget.people import Ids, id_of, json_within

is_base64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}\s*").fullmatch
_TO_STANDARD_BASE64 = str.maketrans("-_", "+/")


def mentions(value: object, ids: Ids) -> bool:
    """Return whether a JSON value contains one of the ids as a key or as any text.

    JSON within a text is searched too, also in base64.
    """
    found = [value]
    while found:
        one = found.pop()
        if isinstance(one, dict):
            found += [*one, *one.values()]
        elif isinstance(one, list):
            found += one
        elif isinstance(one, str):
            if id_of(one) in ids:
                return True
            within = json_within(one)
            found.append(_json_in_base64(one) if within is None else within)
    return False


def _json_in_base64(text: str) -> object | None:
    if not is_base64(text):
        return None
    try:
        return json_within(b64decode(text.translate(_TO_STANDARD_BASE64)).decode())
    except ValueError:
        return None
