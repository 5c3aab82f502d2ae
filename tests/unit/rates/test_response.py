"""Labels represent sampled posts only of the hours in which they are a random part of them."""

from __future__ import annotations

import numpy as np
import pytest

from stresswatch.rates.cells import Period, RateMethod
from stresswatch.rates.estimation import LabelledDraw, estimate_rates
from stresswatch.rates.response import MINIMUM_LABELS_OF_HOURS, Asked, responses
from tests.unit.rates.worlds import MONDAY, World, at, counted, days

HOURS = [at(MONDAY, hour) for hour in range(24)]
WEEK = (Period.WEEK, MONDAY)
DRAWS = 400


def day_of(*labelled, posts=10):
    """A day with as many sampled posts each hour, and the labels of each."""
    return dict(zip(HOURS, (Asked(posts, labels) for labels in labelled), strict=False))


def test_hours_with_similar_response_rates_are_pooled():
    assert responses(day_of(4, 5, 6, 5)) == dict.fromkeys(HOURS[:4], 0.5)


def test_hours_after_the_last_export_are_not_represented():
    assert responses(day_of(10, 10, 10, 0, 0)) == dict.fromkeys(HOURS[:3], 1.0)


def test_hours_of_a_second_export_have_their_own_response_rate():
    found = responses(day_of(10, 10, 3, 3))
    assert found == dict.fromkeys(HOURS[:2], 1.0) | dict.fromkeys(HOURS[2:4], 0.3)


@pytest.mark.parametrize("labelled", range(MINIMUM_LABELS_OF_HOURS))
def test_a_few_labels_do_not_represent_many_posts(labelled):
    assert responses({at(MONDAY): Asked(500, labelled)}) == {}


def test_fully_labelled_posts_represent_themselves():
    assert responses({at(MONDAY): Asked(2, 2)}) == {at(MONDAY): 1.0}
    assert responses({at(MONDAY): Asked(0, 0)}) == {at(MONDAY): 1.0}


def test_labels_older_than_the_draw_represent_no_other_posts():
    """Posts that were sent again had labels; the day's other posts have none."""
    world = World()
    world.add(2_000, response=0)
    world.add(80, truth=0.9, was_labelled=True)
    (found, _) = estimate_rates(world.counts, world.draws, [WEEK], 20)
    assert (found.method, found.represented) == (RateMethod.NOT_CORRECTED, 0)


def test_labels_older_than_the_draw_get_no_extra_weight():
    world = World()
    world.add(6_000, response=0.1, truth=0.3)
    world.add(2_000, truth=0.9, was_labelled=True)
    (found, _) = estimate_rates(world.counts, world.draws, [WEEK], 20)
    assert found.represented == 8_000
    assert found.low < 0.45 < found.high


def coverage(strata, labelled, seed=7):
    """Return how often the interval has the rate of the represented posts, and their number.

    Parameters
    ----------
    strata
        The hour, number and rate of alike posts; a tenth of them is sampled.
    labelled : callable
        Which sampled posts are labelled, given a generator, the hours and whether each is sampled.
    """
    chance, covered = np.random.default_rng(seed), []
    hours = np.repeat([hour for hour, _, _ in strata], [posts for _, posts, _ in strata])
    truth = np.concatenate([chance.beta(6 * rate, 6 - 6 * rate, n) for _, n, rate in strata])
    labels = (chance.random(len(truth)) < truth).astype(int)
    predictions = np.clip(truth + chance.normal(0, 0.15, len(truth)), 0, 1)
    for _ in range(DRAWS):
        drawn = chance.random(len(truth)) < 0.1
        counts = {
            hour: [counted(predictions[hours == hour], "ptsd", "v1", drawn[hours == hour])]
            for hour in dict.fromkeys(hours)
        }
        draws = [
            LabelledDraw(
                hours[post], "ptsd", f"{post}", int(labels[post]), float(predictions[post]), 0.1
            )
            for post in np.flatnonzero(labelled(chance, hours, drawn))
        ]
        (found, _) = estimate_rates(counts, draws, [WEEK], 20)
        if found.corrected_rate is not None:
            asked = {
                hour: Asked(counts[hour][0].drawn, sum(draw.hour == hour for draw in draws))
                for hour in counts
            }
            true = labels[np.isin(hours, list(responses(asked)))].mean()
            covered.append(found.low <= true <= found.high)
    return np.mean(covered), len(covered) / DRAWS


def first(chance, number, among):
    """Return this many at random, as the queue hands them out."""
    chosen = np.zeros(len(among), bool)
    chosen[chance.permutation(np.flatnonzero(among))[:number]] = True
    return chosen


def test_a_weeks_interval_is_valid_despite_days_with_few_labels():
    numbers = dict(zip(days(7), (100, 40, 10, 3, 2, 1, 0), strict=True))
    strata = [(at(day), 700, 0.3 + 0.05 * place) for place, day in enumerate(numbers)]

    def labelled(chance, hours, drawn):
        each = [first(chance, n, drawn & (hours == at(day))) for day, n in numbers.items()]
        return np.any(each, axis=0)

    covered, estimated = coverage(strata, labelled)
    assert covered == pytest.approx(0.95, abs=0.02)
    assert estimated == 1


@pytest.mark.parametrize(("at_noon", "later"), [(999, 0), (40, 40)])
def test_a_days_interval_is_valid_with_noon_and_midnight_exports(at_noon, later):
    strata = [(hour, 125, 0.33 if hour.hour < 12 else 0.67) for hour in HOURS]

    def labelled(chance, hours, drawn):
        morning = first(chance, at_noon, drawn & (hours < HOURS[12]))
        return morning | first(chance, later, drawn & ~morning)

    covered, estimated = coverage(strata, labelled)
    assert covered == pytest.approx(0.95, abs=0.02)
    assert estimated > 0.75
