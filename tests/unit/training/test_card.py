"""The model card: its content, and external text shown as it is."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from stresswatch.versions.model_version import CARD_FILE, CARD_PAGE_FILE, Manifest
from tests.conftest import make_posts
from training_jobs.model.card import model_card
from training_jobs.model.evaluation import CURVES, draw_curves, evaluate

POSTS = make_posts(120)
PROBABILITY = np.array([0.7 if post.label else 0.4 for post in POSTS])
PNG = b"\x89PNG\r\n\x1a\n"


def manifest(metrics):
    return Manifest(
        version="v20261123T090000-ffffffff",
        created_at="2026-11-23T09:00:00+00:00",
        files={"model.npz": "a" * 64},
        dataset_sha256="f" * 64,
        posts={"train": 1234, "evaluation": 120, "new": 30, "invalid": 2, "suspicious": 41},
        hyperparameters={"k": 5, "seed": 7},
        selected_features=("sentiment",),
        parity=1e-16,
        metrics=metrics,
        parent=None,
        training_job="job",
        code_commit="0123abc",
    )


@pytest.fixture(scope="module")
def metrics():
    return evaluate(POSTS, PROBABILITY)


@pytest.fixture(scope="module")
def curves():
    return draw_curves(POSTS, PROBABILITY)


@pytest.fixture(scope="module")
def card(metrics, curves):
    return {name: text.decode() for name, text in model_card(manifest(metrics), curves).items()}


@pytest.mark.parametrize("name", [CARD_FILE, CARD_PAGE_FILE])
@pytest.mark.parametrize(
    "words",
    [
        "is not a diagnosis",
        "Purpose",
        "Limits",
        "Prohibited uses",
        "v20261123T090000-ffffffff",
        "f" * 64,
        "1,234",
        "0123abc",
        "a" * 64,
    ],
)
def test_the_card_states_purpose_limits_and_origin(card, name, words):
    assert words in card[name]


def test_each_metric_is_shown_with_its_interval(card, metrics):
    overall = metrics["overall"]
    low, high = overall["intervals"]["f1"]
    assert f"| F1 | {overall['f1']:.3f} | {low:.3f} to {high:.3f} |" in card[CARD_FILE]
    assert len(re.findall(r"\d\.\d{3} to \d\.\d{3}", card[CARD_FILE])) == 7 + 2 * 2


def test_communities_are_listed_and_small_ones_marked(metrics):
    few = {size: metrics["slices"]["ptsd"] | {"posts": size} for size in (19, 20)}
    slices = metrics["slices"] | {"ptsd": few[20], "stress": few[19]}
    text = model_card(manifest(metrics | {"slices": slices}), {})[CARD_FILE].decode()
    assert "\n| anxiety | " in text
    assert re.search(r"\n\| ptsd \\\* \| 20 \| \d+ \| \d\.", text)
    assert re.search(r"\n\| stress \\\* \| 19 \| \d+ \| too few \| \| \| \| \|\n", text)
    assert "Fewer than 50 posts: these metrics are mostly noise. Below 20, none are shown." in text


def test_the_card_names_its_base_data(metrics):
    named = replace(manifest(metrics), base={"clinic *A*": 1200, "forum": 154})
    row = r"| Base data | clinic \*A\*: 1,200 posts; forum: 154 posts |"
    assert row in model_card(named, {})[CARD_FILE].decode()
    assert "| Base data | not recorded |" in model_card(manifest(metrics), {})[CARD_FILE].decode()


def test_a_community_of_one_class_has_no_roc_auc(metrics):
    one = metrics["slices"]["ptsd"] | {"roc_auc": None, "intervals": {}}
    slices = {"ptsd": one}
    text = model_card(manifest(metrics | {"slices": slices}), {})[CARD_FILE].decode()
    assert re.search(r"\| ptsd \|.*\| - \| - \|", text)


class Page(HTMLParser):
    """The tags of a page, and the addresses that it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.pictures, self.fetched = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href"):
                (self.pictures if value.startswith("data:image/png") else self.fetched).append(
                    value
                )


def test_the_page_shows_tables_and_curves_without_network_access(card):
    page = Page(card[CARD_PAGE_FILE])
    assert page.tags.count("table") == 4
    assert len(page.pictures) == len(CURVES)
    assert page.fetched == []
    assert "script" not in page.tags


@pytest.mark.parametrize("name", ["<script>x</script>", "a|b|c", "[x](http://x)", "*b*", "a\n# b"])
def test_markup_in_a_community_name_is_escaped(metrics, name):
    slices = {name: metrics["slices"]["ptsd"], "anxiety": metrics["slices"]["anxiety"]}
    page = model_card(manifest(metrics | {"slices": slices}), {})[CARD_PAGE_FILE].decode()
    ordinary = model_card(manifest(metrics), {})[CARD_PAGE_FILE].decode()
    assert Page(page).tags == Page(ordinary).tags
    shown = " ".join(name.split()).replace("<", "&lt;").replace(">", "&gt;")
    assert f"<td>{shown}</td>" in page


def test_invisible_characters_in_names_are_escaped(metrics):
    slices = dict.fromkeys([" ", "a\u202eb", "\0"], metrics["slices"]["ptsd"])
    page = model_card(manifest(metrics | {"slices": slices}), {})[CARD_PAGE_FILE].decode()
    for shown in ("%20", "a%E2%80%AEb", "%00"):
        assert f"<td>{shown}</td>" in page


def test_names_that_differ_in_invisible_characters_stay_separate():
    posts = [
        replace(one, post=one.post._replace(source="a\0" if place % 3 else "a"))
        for place, one in enumerate(POSTS)
    ]
    slices = evaluate(posts, PROBABILITY)["slices"]
    assert {name: quality["posts"] for name, quality in slices.items()} == {"a": 40, "a\0": 80}


def test_curves_are_reproducible_png_pictures(curves):
    assert set(curves) == set(CURVES)
    assert all(picture.startswith(PNG) for picture in curves.values())
    assert draw_curves(POSTS, PROBABILITY) == curves
