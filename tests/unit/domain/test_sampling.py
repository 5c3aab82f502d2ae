"""The sample is uniform, repeatable, and independent of choices."""

import json

import numpy as np
import pytest
from scipy import stats

from stresswatch.contracts.posts import Post
from stresswatch.contracts.predictions import Prediction, prediction_id
from stresswatch.contracts.sampling import (
    UNCERTAIN_WITHIN,
    Draw,
    SampleKind,
    SampleShares,
    lots,
)

KEY = b"k" * 32
IDS = [prediction_id("posts", "shardId-000000000000", str(number)) for number in range(100_000)]


@pytest.fixture(scope="module")
def drawn():
    return lots(KEY, IDS)


def test_lots_are_uniform(drawn):
    """Chi-squared over 100 bins of 100,000 posts, and their independence in sequence."""
    counts, _ = np.histogram(drawn, bins=100, range=(0, 1))
    assert stats.chisquare(counts).pvalue > 0.001
    assert min(drawn) >= 0
    assert max(drawn) < 1
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.01


def test_the_sample_size_matches_its_share(drawn):
    sample = [lot for lot in drawn if SampleShares(0.02).draw(lot, 0.4).sample]
    assert stats.binomtest(len(sample), len(IDS), 0.02).pvalue > 0.001


def test_a_redelivered_post_gets_the_same_lot_in_any_batch(drawn):
    assert lots(KEY, IDS[500:1000:-1]) == drawn[500:1000:-1]
    assert lots(KEY, IDS[7:8]) == drawn[7:8]


def test_another_key_gives_independent_lots(drawn):
    others = lots(b"other" * 8, IDS[:1000])
    assert abs(np.corrcoef(others, drawn[:1000])[0, 1]) < 0.2


def test_lots_never_reach_one(monkeypatch):
    class Largest:
        def copy(self):
            return self

        def update(self, _):
            pass

        def digest(self):
            return b"\xff" * 32

    monkeypatch.setattr("hmac.new", lambda *_, **__: Largest())
    assert lots(KEY, ["any"])[0] < 1


@pytest.mark.parametrize(
    ("lot", "distance", "draw"),
    [
        (0.009, 0.4, Draw(0.009, 0.01, SampleKind.RANDOM)),
        (0.01, 0.4, Draw(0.01, 0.01, None)),
        (0.009, 0.05, Draw(0.009, 0.1, SampleKind.RANDOM)),
        (0.01, UNCERTAIN_WITHIN, Draw(0.01, 0.1, SampleKind.UNCERTAIN)),
        (0.1, 0.05, Draw(0.1, 0.1, None)),
    ],
)
def test_uncertain_posts_have_their_own_sampling_share(lot, distance, draw):
    assert SampleShares(0.01, uncertain=0.1).draw(lot, distance) == draw


def test_a_smaller_uncertain_share_does_not_reduce_sampling():
    assert SampleShares(0.1, uncertain=0.01).draw(0.05, 0.0).inclusion_probability == 0.1


@pytest.mark.parametrize(
    ("draw", "fields"),
    [
        (None, (None, None)),
        (Draw(0.5, 0.01, None), (0.01, None)),
        (Draw(0.005, 0.01, SampleKind.RANDOM), (0.01, "random")),
    ],
)
def test_the_archive_records_the_draw(draw, fields):
    post = Post("p", "text", (0.0,) * 5)
    at = "2026-11-30T10:00:00+00:00"
    row = json.loads(Prediction("i", post, 0.5, (0.0,) * 5, "v1", at, draw=draw).archive_line())
    assert (row["inclusion_probability"], row["sample"]) == fields
