"""A CSV becomes a served and monitored model, as docs/another-data-set.md says."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.data import task_posts
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.task.definition import read_task
from tests.conftest import PROJECT
from tests.e2e.newcomer import Newcomer, lines, name_of
from tests.e2e.waiting import eventually

LINES = lines("docs/another-data-set.md", "From a CSV to a served model")
REVIEWS = read_task(PROJECT / "tests" / "tasks" / "reviews.toml")
NUMBERS = list(REVIEWS.feature_names)
LABELLED, NEW = 900, 300


def write(path: Path, posts: Sequence[LabelledPost], *, labelled: bool) -> None:
    """Write reviews as a shop exports them, with its own column names."""
    first = datetime(2026, 11, 2, tzinfo=UTC)
    rows = [
        {
            "review_id": one.post.post_id,
            "written_at": (first + timedelta(minutes=place)).isoformat(),
            "department": one.post.source,
            "review": one.post.text.capitalize(),
            **dict(zip(NUMBERS, one.post.numbers, strict=True)),
            **({"verdict": REVIEWS.label.name(one.label)} if labelled else {}),
        }
        for place, one in enumerate(posts)
    ]
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)


def edit(path: Path) -> None:
    """Complete the definition's wording, the one file that is edited."""
    said = path.read_text()
    for asked, answer in (
        ("Say who the model is for, and its purpose.", "It sorts reviews for buyers."),
        ("Say what a label means, and what the model cannot know.", "It knows no product."),
        ("must_not_be_used = []", 'must_not_be_used = ["To pay reviewers."]'),
        ("Say when a post is helpful, with examples.", "Would it help you to buy or to leave it?"),
    ):
        assert said.count(asked) == 1
        said = said.replace(asked, answer)
    path.write_text(said)


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    posts = task_posts.generate(REVIEWS, random.Random(7), "review-")
    write(tmp_path / "reviews.csv", posts[:LABELLED], labelled=True)
    write(tmp_path / "new-reviews.csv", posts[LABELLED : LABELLED + NEW], labelled=False)
    found = Newcomer(tmp_path)
    yield found
    found.type("stresswatch down")


def measured(newcomer: Newcomer, line: str) -> str:
    """Measure, and again as the page says, until no post waits for its prediction."""

    def look() -> str | None:
        said = newcomer.type(line)
        return said if re.search(rf"{NEW} posts by v\d{{8}}T", said) else None

    return eventually("count of every post", look)


def test_the_walkthrough_has_at_most_ten_commands() -> None:
    assert len(LINES) <= 10


def test_a_csv_becomes_a_served_and_monitored_model(newcomer: Newcomer) -> None:
    said = {}
    for line in LINES:
        if name_of(line) == "measure":
            said["measure"] = measured(newcomer, line)
            continue
        said[name_of(line)] = newcomer.type(line)
        if name_of(line) == "task init":
            edit(newcomer.folder / "task.toml")
    assert {path.name for path in newcomer.folder.iterdir()} == {
        *("reviews.csv", "new-reviews.csv", "task.toml", ".stresswatch")
    }

    for guessed in (
        *("text is the column review.", "label is the column verdict."),
        *("id is the column review_id.", "created_at is the column written_at."),
        "task.toml defines the task with 3 numeric features.",
    ):
        assert guessed in said["task init"]
    assert re.search(
        rf"{LABELLED} labelled posts for the task reviews: \d+ helpful \(\d+%\), \d+ not helpful",
        said["task check"],
    )
    assert "ignored" not in said["task check"]
    assert "outside the plausible range" not in said["task check"]
    assert "stresswatch-dev runs at http" in said["up"]
    assert re.search(rf"{LABELLED} labelled posts, \d+ of them helpful, are at s3://", said["seed"])
    assert "it is the champion now" in said["retrain"]
    assert f"{NEW} posts" in said["produce"]
    assert re.search(r"drift .*% of the features", said["measure"])
    assert "helpfulness rate" in said["measure"]
    champion = re.search(r"v\d{8}T\w+-\w+", said["measure"])
    assert champion
    assert re.search(rf"champion .*{champion[0]}", said["status"])
    assert "ALARM" not in said["status"]
    assert champion[0] in said["dashboard"]
    assert "A probability of helpfulness is an estimate." in said["dashboard"]
    of_stress = re.compile(r"stress(?!watch|-rate|_rate|Rate)", re.IGNORECASE)
    assert {name: found for name in said if (found := of_stress.findall(said[name]))} == {}
