"""Payloads of every kind: bytes, changed posts, and objects with odd values."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from cli.data.synthetic import generate_posts
from stresswatch.contracts.posts import NUMERIC_FEATURES, post_record
from stresswatch.task.definition import TASK

_POSTS = [json.dumps(post_record(one.post)).encode() for one in generate_posts(5)[:300]]
_FIELDS = (*TASK.fields, "reasons", *NUMERIC_FEATURES, "surplus")
_TOKENS = (
    b"", b"\x00", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\\", b'"', b"{", b"}", b"[",
    b"]", b",", b":", b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0", b"9" * 5000,
    b"[" * 2000, b" " * 2000, "\N{PILE OF POO}".encode() * 100, b"\xef\xbb\xbf", b"\r\n",
)  # fmt: skip

_SIGNS = [*range(0x80, 0xD800), *range(0xE000, 0x20000)]
_ODD_TEXTS = [
    json.dumps(text) for text in ("words", "", " ", "a" * 257, "w" * 40_001, "\ud800", "\x00")
]
_ODD_NUMBERS = [repr(number) for number in (0, -1, 1e308, 5e-324, 10**400, 0.1)]
_ODD_CONSTANTS = ("null", "true", "false", "NaN", "Infinity", "[]", "{}", '[["a"]]')


def draw(chance: random.Random) -> bytes:
    """Draw one input."""
    return chance.choice(_STRATEGIES)(chance)


def _noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 2, 10, 100, 1000)))


def _changed(chance: random.Random) -> bytes:
    """Change a post in a few places, by bytes or by meaningful tokens."""
    data = bytearray(chance.choice(_POSTS))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        until = min(len(data), at + chance.choice((0, 0, 1, 1, 2, 8)))
        data[at:until] = chance.choice((chance.randbytes(1), chance.choice(_TOKENS)))
    return bytes(data)


def _cut(chance: random.Random) -> bytes:
    data = chance.choice(_POSTS)
    return data[chance.randrange(3) : chance.randrange(len(data) + 1)]


def _crossed(chance: random.Random) -> bytes:
    left, right = chance.choice(_POSTS), chance.choice(_POSTS)
    return left[: chance.randrange(len(left))] + right[chance.randrange(len(right)) :]


def _odd(chance: random.Random) -> bytes:
    """Make a JSON object with odd values, and some fields twice."""
    fields = chance.choices(_FIELDS, k=chance.randint(1, 8))
    pairs = [f"{json.dumps(field)}: {_value(chance)}" for field in ("text", *fields)]
    return ("{" + ", ".join(pairs) + "}").encode()


def _strange(chance: random.Random) -> bytes:
    """Make a post with letters of any script among the model's words."""
    signs = map(chr, chance.choices(_SIGNS, k=chance.choice((1, 10, 100))))
    text = "".join(chance.choices((*signs, " panic ", "'", "I can't ", "!?", "...", "\n"), k=200))
    return json.dumps({"text": text, "reasons": chance.random() < 0.05}).encode()


def _value(chance: random.Random) -> str:
    kind = chance.randrange(5)
    if kind == 0:
        return chance.choice(_ODD_TEXTS)
    if kind == 1:
        return json.dumps(_timestamp(chance))
    if kind == 2:
        return json.dumps("".join(map(chr, chance.choices(range(0x110000), k=20))))
    return chance.choice(_ODD_NUMBERS if kind == 3 else _ODD_CONSTANTS)


def _timestamp(chance: random.Random) -> str:
    """Return an almost valid timestamp: parsers of ISO 8601 accept strange separators."""
    between = chance.choice(("T", " ", "\ud800", "\x00", "\N{PILE OF POO}"))
    rest = chance.choice(("", "Z", "+99:99", ".5", "." + "1" * 20_000))
    return f"{chance.randrange(10_000):04}-01-01{between}12:00:00{rest}"


_STRATEGIES: tuple[Callable[[random.Random], bytes], ...] = (
    _noise, _changed, _cut, _crossed, _odd, _strange,
)  # fmt: skip
