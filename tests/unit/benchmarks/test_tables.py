"""Tables of the benchmarks and verifications keep every word in a narrow terminal."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
FILES = [
    path.relative_to(PROJECT).as_posix()
    for folder in ("benchmarks", "verification")
    for path in sorted((PROJECT / folder).rglob("*.py"))
    if "add_column(" in path.read_text()
]


def cutting(source: str) -> list[int]:
    """Return the lines that add a column which cuts words that are too wide."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") == "add_column"
        and not any(keyword.arg == "overflow" for keyword in node.keywords)
    ]


@pytest.mark.parametrize("file", FILES)
def test_no_column_cuts_a_word(file):
    assert cutting((PROJECT / file).read_text()) == []


def test_a_column_that_cuts_words_is_found():
    assert cutting('table.add_column("post", justify="right")') == [1]
