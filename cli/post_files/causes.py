"""Why not one row of a file is a post, and what to do about it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from cli.post_files.columns import near_misses
from cli.post_files.contents import Kind
from cli.post_files.reading import PostFile
from stresswatch.task.definition import TASK

_ID, _TEXT, _SOURCE, _CREATED_AT = TASK.fields
_REDDIT = (
    f"{{{_ID}: .name, {_TEXT}: .selftext, {_SOURCE}: .subreddit, {_CREATED_AT}: .created_utc}}"
)
_ADVICE = {
    "not_utf8": " Its bytes are perhaps of Windows-1252; decode them before you write the file.",
    "number_invalid": " Write numbers as numbers with a decimal point; in a CSV, semicolons "
    "between the columns say that numbers have a decimal comma.",
}


def likely_cause(file: PostFile, reason: str, named: Sequence[tuple[str, str]]) -> str:
    """Return it in sentences, with the command that converts the file where there is one.

    Parameters
    ----------
    reason : str
        Why most rows are no posts.
    named : sequence of (str, str)
        The first of them: where they are, and what is wrong with each.
    """
    if not named:
        return "it has no row."
    if file.content.kind is Kind.JSON_LINES and (cause := _of_json(file, reason)):
        return cause
    (place, detail), *_ = named
    advice = _ADVICE.get(reason, "")
    if reason == "text_missing" and file.wanted.is_labelled:
        advice = " A label is of a post, which is known by its id and text together: add the text."
    return f"not one of its rows is one. {place.capitalize()}: {detail}.{advice}"


def _of_json(file: PostFile, reason: str) -> str | None:
    def by(command: str) -> str:
        return file.content.conversion(command, "posts.jsonl")

    if reason == "not_utf8" and file.content.encoding != "utf-8-sig":
        return f"it begins as {file.content.encoding.upper()} and is damaged; write it anew."
    if reason == "not_utf8":
        return "it is not UTF-8, and perhaps Windows-1252; convert it: " + by(
            "iconv -f WINDOWS-1252 -t UTF-8"
        )
    lines = [line.strip() for line in re.split(r"[\r\n]+", file.content.head) if line.strip()]
    first = lines[0]
    try:
        found, end = json.JSONDecoder().raw_decode(first)
    except (ValueError, RecursionError):
        if first.startswith("{'"):
            return "it has dictionaries as Python prints them; write them by json.dumps."
        if len(lines) > 1 and not first.endswith("}"):
            return "it is JSON of several lines an object; write one post a line: " + by("jq -c .")
        return None
    rest = first[end:].strip()
    if rest == ",":
        return "its lines end in a comma; take the commas away: " + by("sed 's/,[[:space:]]*$//'")
    if rest.startswith("{"):
        return "it has several objects on a line; write one post a line: " + by("jq -c .")
    return _of_object(found, by) if isinstance(found, dict) and not rest else None


def _of_object(found: dict[str, object], by: Callable[[str], str]) -> str | None:
    if isinstance(found.get("data"), dict) and "kind" in found:
        return "it is a listing of Reddit's API; write its posts one a line: " + by(
            f"jq -c '.data.children[].data | {_REDDIT}'"
        )
    if _TEXT.casefold() in map(str.casefold, found) and not isinstance(found.get(_TEXT), dict):
        return None
    if {"selftext", "subreddit"} <= found.keys():
        return (
            "it is a dump of Reddit, whose posts have their words in selftext; rename its fields: "
            + by(f"jq -c '. + {_REDDIT}'")
        )
    if cause := _of_pandas(found, by):
        return cause
    near = near_misses(found, (_TEXT, _ID))
    if _TEXT in near:
        fields = ", ".join(f"{field}: .[{json.dumps(key)}]" for field, key in near.items())
        return f"it has no field {_TEXT}; perhaps {' and '.join(near.values())} is meant: " + by(
            f"jq -c '. + {{{fields}}}'"
        )
    for key, value in found.items():
        if _is_row(value):
            return f"its text is within {key!r}; bring it to the top: " + by(
                f"jq -c '. + .[{json.dumps(key)}]'"
            )
    lists = [
        key
        for key, value in found.items()
        if isinstance(value, list) and any(map(_is_object, value))
    ]
    if len(lists) == 1:
        return f"it is one object, with a list in {lists[0]!r}; write its posts one a line: " + by(
            f"jq -c '.[{json.dumps(lists[0])}][]'"
        )
    return None


def _of_pandas(found: dict[str, object], by: Callable[[str], str]) -> str | None:
    """Recognise the forms of a whole table that pandas' `to_json` writes without ``lines=True``."""
    said = "it is a table as pandas' to_json writes it; use orient='records' and lines=True, or: "
    if {"columns", "data"} <= found.keys():
        return said + by(
            "jq -c '.columns as $names | .data[] | [$names, .] | transpose | "
            "map({(.[0]): .[1]}) | add'"
        )
    if len(found) < 2 or not all(isinstance(value, dict) for value in found.values()):
        return None
    if isinstance(found.get(_TEXT), dict):
        return said + by(
            f"jq -c '. as $table | .{_TEXT} | keys_unsorted[] as $row | $table | "
            "map_values(.[$row])'"
        )
    return said + by("jq -c '.[]'") if all(map(_is_row, found.values())) else None


def _is_row(value: object) -> bool:
    return isinstance(value, dict) and bool(
        {_TEXT, *near_misses(map(str, value), (_TEXT,)).values()} & value.keys()
    )


def _is_object(value: object) -> bool:
    return isinstance(value, dict)
