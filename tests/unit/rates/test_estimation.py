"""The rate of each cell: its posts, its method, and the reasons for its absence."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from stresswatch.evaluation.prediction_powered import MINIMUM_LABELS
from stresswatch.rates.cells import Period, RateMethod, week_of
from stresswatch.rates.estimation import LabelledDraw, estimate_rates
from tests.unit.rates.worlds import MONDAY, World, at, counted, days

TUESDAY = MONDAY + timedelta(days=1)
DAY, WEEK = (Period.DAY, MONDAY), (Period.WEEK, MONDAY)
DRAWS = 2_000


@pytest.fixture
def world():
    return World()


def rates(world, *spans, minimum_posts=20):
    found = estimate_rates(world.counts, world.draws, spans, minimum_posts)
    return {rate.cell: rate for rate in found}


def rate(world, span=DAY, source=None):
    return rates(world, span)[(*span, source)]


def test_a_cell_has_the_called_rate_and_the_corrected_one(world):
    world.add(2_000, share=0.1)
    found = rate(world)
    assert found.method is RateMethod.PREDICTION_POWERED
    assert (found.posts, found.drawable, found.represented) == (2_000, 2_000, 2_000)
    assert found.labelled == found.drawn == len(world.draws)
    (counts,) = world.counts[at(MONDAY)]
    assert found.called_rate == counts.positive / 2_000
    assert found.mean_probability == pytest.approx(counts.probability_sum / 2_000)
    assert found.low < 0.4 < found.high
    assert found.low < found.corrected_rate < found.high
    assert 0 < found.tuning <= 1
    assert found.model_versions == "v1"
    assert found.warning is None


def test_each_community_and_the_total_have_a_row(world):
    world.add(300, "anxiety")
    world.add(200, "ptsd")
    world.add(100, None)
    found = rates(world, DAY)
    assert {cell.source: one.posts for cell, one in found.items()} == {
        None: 600,
        "anxiety": 300,
        "ptsd": 200,
    }
    assert next(iter(found)).source is None


def test_a_week_covers_its_seven_days(world):
    for day in days(9):
        world.add(100, day=day)
    assert rate(world, WEEK).posts == 700
    assert rate(world, (Period.WEEK, MONDAY + timedelta(days=7))).posts == 200
    assert [week_of(day) for day in days(8)] == [MONDAY] * 7 + [MONDAY + timedelta(days=7)]


def test_without_labels_there_is_only_the_called_rate_with_a_warning(world):
    world.add(500, share=0.2, response=0)
    found = rate(world)
    assert found.method is RateMethod.NOT_CORRECTED
    assert (found.corrected_rate, found.low, found.high, found.estimate) == (None,) * 4
    assert found.called_rate is not None
    assert (found.drawn > 0, found.labelled, found.represented) == (True, 0, 0)
    assert found.warning.startswith("Model only, not corrected")


def test_without_sampled_posts_the_rate_is_not_corrected(world):
    world.add(500, share=None)
    found = rate(world)
    assert (found.method, found.drawable) == (RateMethod.NOT_CORRECTED, 0)


@pytest.mark.parametrize("posts", [MINIMUM_LABELS - 1, MINIMUM_LABELS])
def test_the_minimum_of_labels_counts_posts_rather_than_segments(world, posts):
    world.add(500, share=0.9)
    world.draws = [
        draw._replace(post_id=f"post-{place % posts}")
        for place, draw in enumerate(world.draws[: 12 * posts])
    ]
    is_corrected = rate(world).method is RateMethod.PREDICTION_POWERED
    assert is_corrected is (posts == MINIMUM_LABELS)


def test_with_few_labels_of_a_class_only_the_labels_are_used(world):
    world.add(500, share=0.2, truth=0.0)
    found = rate(world)
    assert (found.method, found.corrected_rate, found.tuning) == (RateMethod.LABELS_ALONE, 0, 0)
    assert found.high > 0


def test_posts_excluded_from_sampling_are_not_in_the_corrected_rate(world):
    world.add(400, share=0.5)
    world.add(600, share=None)
    found = rate(world)
    assert (found.posts, found.drawable, found.represented) == (1_000, 400, 400)
    assert found.warning == (
        "The corrected rate covers 400 of the 1,000 posts: "
        "those that could be drawn, in hours with enough labels."
    )


def test_an_unlabelled_day_is_not_in_the_corrected_rate_of_its_week(world):
    world.add(400, share=0.5, truth=0.2)
    world.add(600, day=TUESDAY, share=0.5, truth=0.9, response=0)
    found = rate(world, WEEK)
    assert (found.drawable, found.represented) == (1_000, 400)
    assert found.high < 0.5


def test_labels_are_weighted_up_for_unlabelled_sampled_posts(world):
    """Half of Tuesday's sampled posts are labelled: each counts for twice as many."""
    world.add(4_000, share=0.2, truth=0.2)
    world.add(4_000, day=TUESDAY, share=0.2, truth=0.8, response=0.25)
    found = rate(world, WEEK)
    assert found.low < 0.5 < found.high


def test_a_census_has_an_interval_of_zero_width(world):
    world.add(200, share=1.0)
    found = rate(world)
    true = sum(draw.label for draw in world.draws) / 200
    assert (found.corrected_rate, found.low, found.high) == pytest.approx((true,) * 3)


def test_versions_of_a_cell_are_named_in_order(world):
    world.add(100, version="v2")
    world.add(100, version="v1", day=TUESDAY)
    assert rate(world, WEEK).model_versions == "v1,v2"


def test_labels_of_posts_that_are_not_yet_counted_are_ignored(world):
    """The rows of a part were written, and its summary not yet."""
    world.add(100, share=None)
    world.draws = [LabelledDraw(at(MONDAY), "ptsd", f"{n}", n % 2, 0.5, 0.1) for n in range(60)]
    assert rate(world).labelled == 0


def test_the_order_of_rows_changes_nothing(world):
    for source in ("anxiety", "ptsd", None):
        world.add(300, source)
    turned = World(counts=world.counts, draws=world.draws[::-1])
    assert rates(turned, DAY, WEEK) == rates(world, DAY, WEEK)


def test_a_small_cell_is_suppressed(world):
    world.add(19)
    found = rate(world)
    assert found.method is RateMethod.SUPPRESSED
    assert {found.posts, found.called_rate, found.labelled, found.model_versions} == {None}


def test_the_interval_covers_the_rate_of_a_week_in_95_of_100_draws():
    """Two champions, biased in opposite ways; 40 % of a random sample is labelled."""
    chance = np.random.default_rng(7)
    each, share = 150, 0.3
    shape = (7, each)
    truth = chance.beta(2, 3, shape)
    labels = (chance.random(shape) < truth).astype(int)
    bias = np.where(np.arange(7) < 4, 0.2, -0.15)[:, np.newaxis]
    probabilities = np.clip(truth + bias * (truth > 0.3), 0, 1)
    week, true, covered, missed = days(7), labels.mean(), 0, 0
    for _ in range(DRAWS):
        lots = chance.random(shape)
        counts = {
            at(day): [counted(probabilities[place], "ptsd", f"v{place // 4}", lots[place] < share)]
            for place, day in enumerate(week)
        }
        draws = [
            LabelledDraw(
                at(week[place]), "ptsd", f"{place}-{post}", int(labels[place, post]),
                float(probabilities[place, post]), share,
            )
            for place, post in np.argwhere(lots < 0.4 * share)
        ]  # fmt: skip
        (found, _) = estimate_rates(counts, draws, [WEEK], 20)
        assert found.method is RateMethod.PREDICTION_POWERED
        covered += found.low <= true <= found.high
        missed += found.corrected_rate - true
    assert 100 * covered / DRAWS == pytest.approx(95, abs=1.5)
    assert missed / DRAWS == pytest.approx(0, abs=0.003)
