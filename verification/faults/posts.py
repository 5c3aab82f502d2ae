"""Records for the posts stream, with their expected results."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from cli.data.synthetic import generate_posts
from stresswatch.contracts.posts import Post, post_record
from stresswatch.text.normalisation import MAXIMUM_TEXT_LENGTH

MARKER = "zqxmarker"
"""A word in every text, valid or not, which may appear only in quarantine."""

_DISTINCT = 400


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


def _object(**fields: object) -> bytes:
    return json.dumps({"text": f"words {MARKER}"} | fields).encode()


_INVALID: tuple[tuple[str, Callable[[random.Random], bytes]], ...] = (
    ("not_utf8", lambda chance: b"\xff" + chance.randbytes(chance.randrange(50))),
    ("not_json", lambda _: b'{"text": "' + MARKER.encode()),
    ("not_json", lambda _: b"[" * 100_000),
    ("not_an_object", lambda _: json.dumps([MARKER]).encode()),
    ("text_missing", lambda _: b'{"post_id": "a"}'),
    ("text_invalid", lambda _: _object(text=[MARKER])),
    ("text_empty", lambda _: _object(text=" \n")),
    ("text_too_long", lambda _: _object(text=MARKER * MAXIMUM_TEXT_LENGTH)),
    ("not_unicode", lambda _: _object(text=f"{MARKER} \ud800")),
    ("number_invalid", lambda _: _object(sentiment=MARKER)),
    ("number_not_finite", lambda _: _object(sentiment=float("inf"))),
    ("post_id_invalid", lambda _: _object(post_id=[MARKER])),
)


def invalid_record(chance: random.Random) -> tuple[bytes, str]:
    """Return an invalid payload, and the expected reason in quarantine."""
    reason, make = chance.choice(_INVALID)
    return make(chance), reason
