"""Bytes outside a file's encoding cost the row or the file; text is never altered silently."""

from __future__ import annotations

import pytest

from cli.errors import FileRefused
from cli.post_files import CheckReport, PostFile, refuse
from stresswatch.contracts.posts import InvalidPost, Post

GOOD = '{"text": "good"}'


def rows(tmp_path, content: bytes) -> list[Post | InvalidPost]:
    file = tmp_path / "posts"
    file.write_bytes(content)
    return [row.found for row in PostFile(file).rows()]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"text": "caf\xe9"}\n' + GOOD.encode(), id="Unix"),
        pytest.param(b'{"text": "caf\xe9"}\r' + GOOD.encode(), id="old Mac"),
        pytest.param(
            '{"text": "a'.encode("utf-16") + b"\x00\xd8" + f'"}}\n{GOOD}'.encode("utf-16-le"),
            id="UTF-16 with half a pair",
        ),
        pytest.param(
            '{"text": "a'.encode("utf-32")
            + b"\xff\xff\xff\xff"
            + f'"}}\n{GOOD}'.encode("utf-32-le"),
            id="UTF-32 beyond Unicode",
        ),
    ],
)
def test_an_undecodable_json_line_is_an_invalid_post(tmp_path, content):
    broken, good = rows(tmp_path, content)
    assert isinstance(broken, InvalidPost)
    assert broken.reason == "not_utf8"
    assert good.text == "good"


def test_a_replacement_character_in_the_original_text_is_kept(tmp_path):
    (post,) = rows(tmp_path, '{"text": "a\N{REPLACEMENT CHARACTER}b"}\n'.encode("utf-16"))
    assert post.text == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_truncated_last_character_invalidates_only_its_line(tmp_path, encoding):
    first, last = rows(tmp_path, f"{GOOD}\n{GOOD}".encode(encoding)[:-1])
    assert first.text == "good"
    assert isinstance(last, InvalidPost)


def test_a_damaged_utf16_file_is_not_reported_as_windows_1252(tmp_path):
    file = tmp_path / "posts"
    file.write_bytes('{"text": "a'.encode("utf-16") + b"\x00\xd8" + '"}'.encode("utf-16-le"))
    report, read = CheckReport(), PostFile(file)
    for row in read.rows():
        report.add(row)
    with pytest.raises(FileRefused, match="begins as UTF-16 and is damaged; write it again"):
        refuse(read, report)
