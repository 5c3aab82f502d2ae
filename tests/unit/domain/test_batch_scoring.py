"""A file cut into parts anywhere, and the lines of each."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.serving import batch_scoring
from stresswatch.serving.batch_scoring import MAXIMUM_LINE_BYTES, Counts, lines_of, parts_of

CONTENT = st.lists(st.binary(max_size=12), max_size=12).map(b"\n".join)


def read(content, part, chunk=5):
    """The lines of a part, from the answer to a request for its range."""
    first = max(part.start - 1, 0)
    sent = content[first : part.end + MAXIMUM_LINE_BYTES + 1]
    chunks = [sent[place : place + chunk] for place in range(0, len(sent), chunk)]
    return list(lines_of(chunks, part.start, part.end))


def every_line(content):
    place, lines = 0, []
    for line in content.split(b"\n"):
        lines.append((place, line))
        place += len(line) + 1
    return lines if lines[-1][1] else lines[:-1]


@given(CONTENT, st.integers(1, 20), st.integers(1, 9))
def test_every_line_is_in_exactly_one_part_with_its_offset(content, part_bytes, chunk):
    parts = parts_of("posts.jsonl", "etag", len(content), part_bytes)
    lines = [line for part in parts for line in read(content, part, chunk)]
    assert lines == every_line(content)


def test_parts_are_contiguous():
    parts = parts_of("posts.jsonl", "etag", 25, 10)
    assert [(part.number, part.start, part.end) for part in parts] == [
        (0, 0, 10),
        (1, 10, 20),
        (2, 20, 25),
    ]


@pytest.mark.parametrize("part_bytes", [30, 7])
def test_an_oversized_line_is_discarded_but_keeps_its_offset(monkeypatch, part_bytes):
    monkeypatch.setattr(batch_scoring, "MAXIMUM_LINE_BYTES", 10)
    content = b"first\n" + b"x" * 11 + b"\n" + b"y" * 10 + b"\nlast"
    parts = parts_of("posts.jsonl", "etag", len(content), part_bytes)
    lines = [line for part in parts for line in read(content, part)]
    assert lines == [(0, b"first"), (6, None), (18, b"y" * 10), (29, b"last")]


def test_counts_of_parts_add_up():
    counts = Counts(2, 1)
    counts.add(Counts.from_bytes(b'{"posts": 1, "stressed": 1, "invalid": {"a": 2}}'))
    counts.add(Counts.from_bytes(b'{"posts": 1, "stressed": 0, "invalid": {"a": 1, "b": 1}}'))
    assert counts.as_dict() == {"posts": 4, "stressed": 2, "invalid": {"a": 3, "b": 1}}
    assert Counts.from_bytes(json.dumps(counts.as_dict()).encode()) == counts
