from pathlib import Path

import pytest

from cli.data.base_data import name_of, readable_size


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("posts.jsonl", "posts"),
        ("a/posts.csv", "posts"),
        ("posts.v2.parquet", "posts.v2"),
        ("posts.jsonl.gz", "posts"),
        ("posts.GZ", "posts"),
    ],
)
def test_a_data_set_is_named_after_its_file_without_the_extension(file, name):
    assert name_of(Path(file)) == name


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0.0 KB"), (1_234, "1.2 KB"), (1_234_567_890, "1,234.6 MB")]
)
def test_a_size_is_shown_in_kilobytes_or_megabytes(size, text):
    assert readable_size(size) == text
