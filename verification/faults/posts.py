"""Records for the posts stream, with their expected results."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from cli.data.synthetic import generate_posts
from stresswatch.contracts.posts import NUMERIC_FEATURES, Post, post_record
from stresswatch.task.definition import TASK
from stresswatch.text.normalisation import MAXIMUM_TEXT_LENGTH

MARKER = "zqxmarker"
"""A word in every text, valid or not, which may appear only in quarantine."""

_DISTINCT = 400
_ID, _TEXT = TASK.fields.id, TASK.fields.text


@dataclass(frozen=True)
class Sent:
    """A record on the stream.

    Attributes
    ----------
    post : Post or None
        The post of a valid record.
    reason : str or None
        The reason for an invalid one.
    """

    data: bytes
    post: Post | None
    reason: str | None
    shard: str
    sequence_number: str


def valid_posts(seed: int) -> list[tuple[bytes, Post]]:
    """Return payloads with their posts."""
    return [
        (json.dumps(post_record(post)).encode(), post)
        for labelled in generate_posts(seed)[:_DISTINCT]
        if (post := labelled.post._replace(text=f"{labelled.post.text} {MARKER}"))
    ]


def _always(field: str, value: object) -> Callable[[random.Random], bytes]:
    data = json.dumps({_TEXT: f"words {MARKER}", field: value}).encode()
    return lambda _: data


_INVALID: tuple[tuple[str, Callable[[random.Random], bytes]], ...] = (
    ("not_utf8", lambda chance: b"\xff" + chance.randbytes(chance.randrange(50))),
    ("not_json", lambda _: f'{{"{_TEXT}": "{MARKER}'.encode()),
    ("not_json", lambda _: b"[" * 100_000),
    ("not_an_object", lambda _: json.dumps([MARKER]).encode()),
    ("text_missing", lambda _: json.dumps({_ID: "a"}).encode()),
    ("text_invalid", _always(_TEXT, [MARKER])),
    ("text_empty", _always(_TEXT, " \n")),
    ("text_too_long", _always(_TEXT, MARKER * MAXIMUM_TEXT_LENGTH)),
    ("not_unicode", _always(_TEXT, f"{MARKER} \ud800")),
    *(
        (reason, _always(name, value))
        for name in NUMERIC_FEATURES[-1:]
        for reason, value in (("number_invalid", MARKER), ("number_not_finite", float("inf")))
    ),
    ("post_id_invalid", _always(_ID, [MARKER])),
)


def invalid_record(chance: random.Random) -> tuple[bytes, str]:
    """Return an invalid payload, and the expected reason in quarantine."""
    reason, make = chance.choice(_INVALID)
    return make(chance), reason
