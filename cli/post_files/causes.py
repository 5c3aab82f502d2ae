"""Causes for files without any valid row, and what to do about them."""

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
    "not_utf8": " Its bytes may be Windows-1252; decode them before you write the file.",
    "number_invalid": " Write numbers as numbers with a decimal point; in a CSV, semicolons "
    "between the columns mean that numbers have a decimal comma.",
}


def likely_cause(file: PostFile, reason: str, named: Sequence[tuple[str, str]]) -> str:
    """Return the cause in sentences, with a conversion command if there is one.

    Parameters
    ----------
    reason : str
        The reason why most rows are invalid.
    named : sequence of (str, str)
        The first invalid rows: their positions and faults.
    """
    if not named:
        return "it has no row."
    if file.content.kind is Kind.JSON_LINES and (cause := _of_json(file, reason)):
        return cause
    (place, detail), *_ = named
    advice = _ADVICE.get(reason, "")
    if reason == "text_missing" and file.wanted.is_labelled:
        advice = " A label belongs to a post, which is identified by its id and text: add the text."
    return f"every row is invalid. {place.capitalize()}: {detail}.{advice}"


def _of_json(file: PostFile, reason: str) -> str | None:
    def by(command: str) -> str:
        return file.content.conversion(command, "posts.jsonl")

    if reason == "not_utf8" and file.content.encoding != "utf-8-sig":
        return f"it begins as {file.content.encoding.upper()} and is damaged; write it again."
    if reason == "not_utf8":
        return "it is not UTF-8, but perhaps Windows-1252; convert it: " + by(
            "iconv -f WINDOWS-1252 -t UTF-8"
        )
    lines = [line.strip() for line in re.split(r"[\r\n]+", file.content.head) if line.strip()]
    first = lines[0]
    try:
        found, end = json.JSONDecoder().raw_decode(first)
    except (ValueError, RecursionError):
        if first.startswith("{'"):
            return "it has dictionaries in Python's notation; write them with json.dumps."
        if len(lines) > 1 and not first.endswith("}"):
            return "its JSON objects span several lines; write one post per line: " + by("jq -c .")
        return None
    rest = first[end:].strip()
    if rest == ",":
        return "its lines end in a comma; remove the commas: " + by("sed 's/,[[:space:]]*$//'")
    if rest.startswith("{"):
        return "it has several objects on a line; write one post per line: " + by("jq -c .")
    return _of_object(found, by) if isinstance(found, dict) and not rest else None


def _of_object(found: dict[str, object], by: Callable[[str], str]) -> str | None:
    if isinstance(found.get("data"), dict) and "kind" in found:
        return "it is a listing of Reddit's API; write one post per line: " + by(
            f"jq -c '.data.children[].data | {_REDDIT}'"
        )
    if _TEXT.casefold() in map(str.casefold, found) and not isinstance(found.get(_TEXT), dict):
        return None
    if {"selftext", "subreddit"} <= found.keys():
        return (
            "it is a Reddit dump, whose posts have their text in selftext; rename its fields: "
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
            return f"its text is within {key!r}; move it to the top level: " + by(
                f"jq -c '. + .[{json.dumps(key)}]'"
            )
    lists = [
        key
        for key, value in found.items()
        if isinstance(value, list) and any(map(_is_object, value))
    ]
    if len(lists) == 1:
        return f"it is one object, with a list in {lists[0]!r}; write one post per line: " + by(
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
