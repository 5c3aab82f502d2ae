"""The tables at the end of the demo, on terminals of several widths."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from cli.demo.summary import CommunityRate
from cli.demo.terminal import final_table
from tests.unit.cli.test_demo_report import CHECK, RATE, summary

COMMUNITIES = ("almosthomeless", "food_pantry", "assistance", "[red]")
CHECKS = ("F1, community almosthomeless", "improvement in distance to training posts, new holdout")


def shown(width: int) -> str:
    console = Console(file=(text := io.StringIO()), width=width)
    rates = [replace(RATE, community=name) for name in COMMUNITIES]
    result = summary(rates)
    result.retraining["gate"] = {"checks": [CHECK | {"name": name} for name in CHECKS]}
    result.retraining["dataset"]["labelled_posts"] = 359
    console.print(final_table(console, result))
    return text.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_tables_of_the_demo_never_break_a_word(width):
    said = shown(width)
    assert max(map(len, said.splitlines())) <= width
    words = set(re.findall(r"[\w\[\]]+", said))
    expected = {*COMMUNITIES, *re.findall(r"\w+", " ".join(CHECKS)), "sentiment", "passed"}
    assert expected <= words
    assert {"community", "challenger", "corrected", "interval"} <= words


def test_left_out_columns_are_named():
    said = " ".join(shown(60).split())
    assert "Too narrow for labels and posts; a wider terminal shows all." in said
    assert "Too narrow" not in shown(120)


def test_a_rate_with_too_few_labels_fits_a_narrow_terminal():
    few = CommunityRate("ptsd", 300, 2, 0.7, None, None, None, 0.62, "not_corrected")
    console = Console(file=(text := io.StringIO()), width=60)
    console.print(final_table(console, summary([few])))
    assert "too few labels" in " ".join(text.getvalue().replace("│", " ").split())
