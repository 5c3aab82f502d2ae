"""The prose that `docs.prose` reads, its rates, and the rules of `docs.style`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from docs import prose, style
from docs.prose import CODE

PAGE = """# The title

Read [the guide](https://example.com/of) with `that of` it,
and go on. Then stop.

| a cell | [there](x.md) |
| --- | --- |

```sh
nothing of that
```
"""
PYTHON = '''"""Return nothing.

Parameters
----------
first : int
    The first.
second
    The second: https://example.com/that
"""

x = 1  # a comment
# of two
# lines
y = call(f"one {x} three", "word", help="some help text")  # noqa: S101
'''


def pieces(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text)
    return [(piece.kind, piece.line, piece.text) for piece in prose.read(path)]


def test_a_page_is_read_without_code_and_link_targets(tmp_path):
    assert pieces(tmp_path, "page.md", PAGE) == [
        ("heading", 1, "The title"),
        ("link", 3, "the guide"),
        ("text", 3, f"Read the guide with {CODE} it,\nand go on. Then stop."),
        ("text", 6, "a cell"),
        ("link", 6, "there"),
        ("text", 6, "there"),
    ]


def test_comments_docstrings_and_messages_are_read(tmp_path):
    found = pieces(tmp_path, "cli/code.py", PYTHON)
    assert sorted(found, key=lambda piece: piece[1:]) == [
        ("text", 1, "Return nothing."),
        ("heading", 3, "Parameters"),
        ("text", 5, f"{CODE}.\nThe first."),
        ("text", 7, f"{CODE}.\nThe second: {CODE}"),
        ("text", 11, "a comment"),
        ("text", 12, "of two\nlines"),
        ("message", 14, f"one {CODE} three"),
        ("message", 14, "some help text"),
    ]


def test_strings_of_tests_are_not_read(tmp_path):
    assert "message" not in {kind for kind, *_ in pieces(tmp_path, "tests/code.py", PYTHON)}


def test_words_are_counted_per_thousand(tmp_path):
    (tmp_path / "page.md").write_text("No, that isn't `of` use: [your](of.md) state-of-the-art 7.")
    counts = prose.count(prose.read(tmp_path / "page.md"))
    assert counts == {
        "words": 7,
        "that": 1,
        "of": 0,
        "negatives": 1,
        "you": 1,
        "contractions": 1,
    }
    assert prose.rates(counts)["that"] == pytest.approx(1000 / 7)
    assert prose.over(prose.rates(counts)) == ["that", "negatives"]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("## Guarantees", []),
        ("## Backfilling historical posts with a specific model version", []),
        ("## What triggers a retraining", []),
        ("# 18. Diff pull requests without AWS credentials", []),
        ("## When one begins", ['1: "When": a noun phrase or an imperative']),
        ("## What it promises", ['1: "it": name the thing']),
        ("## 1 2 3 4 5 6 7 8 9 10", ["1: heading of 10 words: at most 9"]),
        (
            "One.\n\nTwo,\nby\nlot, [here](x.md).",
            ['4: "by lot": at random', '5: link text "here": name the target'],
        ),
        ("Fine. " + "word " * 30, []),
        ("Fine.\n" + "word " * 31, ["2: sentence of 31 words: at most 30"]),
        ("Run `nobody mends` [a page](whoever.md).", []),
    ],
)
def test_faults_of_a_page_are_found(tmp_path, text, faults):
    (tmp_path / "page.md").write_text(text)
    assert style.faults(tmp_path / "page.md") == faults


def test_faults_of_a_test_name_are_found(tmp_path):
    (tmp_path / "test_code.py").write_text(
        "def test_an_unknown_stage_is_rejected(): ...\n"
        "def test_what_is_no_key_is_refused(): ...\n"
        "def is_refused(): ...\n"
    )
    assert style.faults(tmp_path / "test_code.py") == [
        '2: "is refused": is rejected, is denied, fails to load',
        '2: "what is no": an adjective: invalid, missing, unknown',
    ]


@pytest.mark.parametrize("rules", ["phrases", "headings", "names"])
def test_the_rules_advice_follows_the_rules(tmp_path, rules):
    (tmp_path / "page.md").write_text("\n\n".join(style.RULES[rules].values()))
    assert style.faults(tmp_path / "page.md") == []


TEMPLATE = """<style>p { nobody }</style>
{% for one in all %}
<h2>Which columns moved</h2>
<p>Nobody <b>{{ one.name }}</b> knows <code>whatever</code>.</p>
{% endfor %}
"""


def test_a_template_is_checked_without_its_code_and_style(tmp_path):
    (tmp_path / "page.html.j2").write_text(TEMPLATE)
    assert style.faults(tmp_path / "page.html.j2") == [
        '3: "Which": a noun phrase or an imperative',
        '4: "Nobody": no one, or turn the sentence round',
    ]
    (tmp_path / "card.md.j2").write_text("{# whatever #}\n\nWhatever {{ nobody }} knows.\n")
    assert style.faults(tmp_path / "card.md.j2") == ['3: "Whatever": name the thing']


@pytest.fixture
def project(tmp_path, monkeypatch):
    for module in (style, prose):
        monkeypatch.setattr(module, "PROJECT", tmp_path)
    (tmp_path / "README.md").write_text("Nobody knows.")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("All of the world.")
    return tmp_path


def test_every_file_and_the_rates_of_each_group_are_checked(project):
    assert style.check() == [
        'README.md:1: "Nobody": no one, or turn the sentence round',
        "README: too many negatives",
        "docs: too many of",
    ]


def test_the_rates_in_the_writing_guide_are_up_to_date():
    page = (prose.PROJECT / "docs" / "writing.md").read_text()
    for group, pages in prose.groups().items():
        counts = prose.count(piece for path in pages for piece in prose.read(path))
        row = re.search(rf"^\| {group} \(([\d,]+)\) \|(.*)\|$", page, re.MULTILINE)
        assert counts["words"] == pytest.approx(int(row[1].replace(",", "")), rel=0.1), group
        told = [float(rate) for rate in row[2].split("|")]
        today = [prose.rates(counts)[kind] for kind in prose.BASELINE]
        assert told == pytest.approx(today, abs=0.75), group


def test_word_lists_are_not_checked(project, monkeypatch):
    monkeypatch.setitem(style.RULES, "word_lists", ["README.md"])
    assert not [fault for fault in style.check() if fault.startswith("README.md")]


def test_the_example_in_the_writing_guide_passes(tmp_path):
    line = "make prose FILES=SECURITY.md"
    done = subprocess.run(
        line.split(), cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert "per 1,000 words" in done.stdout
