"""On a narrow terminal a table leaves out columns in a given order, and breaks no word."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.tables import Figures, fitted
from stresswatch.monitoring.dashboard import SECTIONS

COLUMNS = ["set", "posts", "numeric features", "size"]
ROWS = [["train\n[dim]serves[/]", "2,838", "none: text only", "1.7 MB"], ["labels", "40", "yes"]]


def shown(width: int, columns=COLUMNS, rows=ROWS, dispensable=("size", "numeric features")) -> str:
    console = Console(file=(written := io.StringIO()), width=width)
    console.print(
        fitted(console, "a title", columns, rows, numbers=["posts"], dispensable=dispensable)
    )
    return written.getvalue()


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[\w,.:]+", text))


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (100, ""),
        (36, ""),
        (35, "Too narrow for size; --json has all."),
        (28, "Too narrow for size and numeric features; --json has all."),
    ],
)
def test_columns_are_left_out_in_the_given_order_and_named(width, left_out):
    said = " ".join(shown(width).split())
    assert said.endswith(left_out) if left_out else "Too narrow" not in said
    assert ("1.7" in said, "only" in said) == ("size" not in left_out, "numeric" not in left_out)


@given(
    st.integers(24, 120),
    st.lists(
        st.lists(st.text("abc ", max_size=30), min_size=4, max_size=4), min_size=1, max_size=4
    ),
)
def test_words_stay_whole_where_the_remaining_columns_fit(width, cells):
    rows = [[" ".join(word[:5] for word in cell.split()) for cell in row] for row in cells]
    said = shown(width, ["a", "b", "c", "d"], rows, ("d", "c"))
    caption = re.search("Too narrow for (.+?);", " ".join(said.split()))
    kept = 4 - len(caption[1].split(" and ")) if caption else 4
    expected = {word for row in rows for cell in row[:kept] for word in cell.split()}
    assert expected <= words_of(said)
    assert max(map(len, said.splitlines())) <= width


def test_words_are_broken_where_the_required_columns_do_not_fit():
    said = shown(16)
    assert max(map(len, said.splitlines())) <= 16
    assert "Too narrow" in said


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (80, ["half of them 0.151, 99 of 100 1.39, longest 2"]),
        (36, ["half of them 0.151, 99 of 100 1.39,", "longest 2"]),
        (20, ["half of them 0.151,", "99 of 100 1.39,", "longest 2"]),
        (10, ["half of", "them", "0.151,", "99 of 100", "1.39,", "longest 2"]),
    ],
)
def test_a_line_of_values_breaks_between_values(width, lines):
    console = Console(file=(written := io.StringIO()), width=width)
    console.print(Figures(["half of them [bold]0.151[/]", "99 of 100 [bold]1.39[/]", "longest 2"]))
    assert [line.rstrip() for line in written.getvalue().splitlines()] == lines


def test_series_labels_never_contain_the_separating_comma():
    panels = [panel for section in SECTIONS for panel in section.panels]
    names = [series.label for panel in panels for series in panel.series]
    assert [name for name in names if "," in name] == []
