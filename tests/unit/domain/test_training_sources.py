"""A training set's record of its sources."""

from dataclasses import replace

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.storage.training_sources import BaseSet, Counts, Sources, base_key, base_name
from tests.conftest import make_posts


def test_posts_are_counted_by_label_features_and_weight():
    posts = make_posts(6)
    nothing = (float("nan"),) * len(NUMERIC_FEATURES)
    posts[0] = replace(posts[0], post=posts[0].post._replace(numbers=nothing))
    posts[1] = replace(posts[1], confidence=0.0)
    assert Counts.of(iter(posts)) == Counts(6, sum(one.label for one in posts), 1, 1)
    assert Counts.of([]) == Counts()


def test_sources_round_trip():
    made = Sources(
        Counts(3, 2, 1, 0), 4, {"a set, né": BaseSet(2, "2026-11-23T00:00:00+00:00")}, labels=1
    )
    assert Sources.from_bytes(made.to_bytes()) == made


def test_a_base_sets_name_is_recovered_from_its_key():
    for name in ("posts", "posts.v2", "a/b", "né"):
        assert base_name(base_key(name)) == name
    assert base_name("datasets/base/export.csv") == "export.csv"
