"""A new champion on probation: each way of being worse, and one that is as good and must stay."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.live_comparison import LabelledPair, LiveComparison
from stresswatch.retraining.probation import SETTLES, judge_probation, looks
from stresswatch.retraining.verdict import Basis

START = datetime(2026, 11, 29, 12, tzinfo=UTC)
END = START + timedelta(hours=24)


def live(posts=1000, both=None, agreeing=None, labelled=()):
    both = posts if both is None else both
    agreeing = both if agreeing is None else agreeing
    return LiveComparison(posts, both, agreeing, labelled, trained_on=0)


def pairs(n, loss, seed=1):
    """Return labelled posts on which the new champion's error is larger by a loss, and noise."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(2, size=n)
    hardness = chance.uniform(0.1, 0.6, size=n)
    before, now = (hardness + more + chance.normal(0, 0.1, n) for more in (0, loss))
    return [
        LabelledPair(
            f"post-{place}", int(label), *(abs(label - np.clip(one, 0, 1)) for one in both)
        )
        for place, (label, *both) in enumerate(zip(labels, before, now, strict=True))
    ]


def judge(comparison):
    return judge_probation(comparison, GateRules())


def failed(comparison):
    return [check.name for check in judge(comparison).checks if not check.passed]


class TestWorseChampion:
    def test_a_champion_that_fails_on_posts_is_rolled_back(self):
        assert failed(live(both=950)) == ["answered, live posts"]

    def test_a_champion_without_answers_is_rolled_back(self):
        assert failed(live(posts=30, both=0)) == ["answered, live posts"]

    def test_a_champion_that_disagrees_is_rolled_back(self):
        assert failed(live(agreeing=600)) == ["agreement with previous champion, live posts"]

    def test_agreement_is_not_required_across_different_features(self):
        disagrees = live(agreeing=600)
        assert judge_probation(disagrees, GateRules(), Basis.COMMON_FEATURES).accepted

    def test_a_champion_with_a_higher_loss_is_rolled_back(self):
        worse = live(labelled=pairs(200, loss=0.2))
        assert failed(worse) == ["Brier score, labelled live posts"]


class TestGoodChampion:
    @pytest.mark.parametrize("loss", [-0.2, 0.0])
    def test_an_equal_or_better_champion_stays(self, loss):
        assert judge(live(both=995, agreeing=900, labelled=pairs(200, loss))).accepted

    def test_a_loss_within_the_margin_is_accepted_with_many_labels(self):
        assert judge(live(labelled=pairs(20_000, loss=0.002))).accepted

    @pytest.mark.parametrize(
        "unlucky",
        [
            live(posts=40, both=39),
            live(posts=40, agreeing=27),
            live(labelled=pairs(30, loss=0.02)),
        ],
    )
    def test_a_champion_that_looks_worse_by_chance_stays(self, unlucky):
        assert judge(unlucky).accepted

    def test_few_equally_good_champions_are_rolled_back(self):
        """Each is judged four times, on labels that add up."""
        rolled_back = 0
        for seed in range(40):
            known = pairs(400, loss=0.0, seed=seed)
            looked = [judge(live(labelled=known[:count])) for count in (50, 100, 200, 400)]
            rolled_back += not all(verdict.accepted for verdict in looked)
        assert rolled_back <= 2


class TestTooLittleData:
    def test_with_few_posts_all_checks_are_skipped_with_the_reason(self):
        verdict = judge(live(posts=29, both=0))
        assert verdict.accepted
        assert not any(check.applies for check in verdict.checks)
        assert [check.evidence for check in verdict.checks] == [
            "29 live posts, at least 30 needed",
            "0 live posts, at least 30 needed",
            "0 labelled live posts, at least 30 needed",
        ]

    def test_with_few_labels_the_loss_check_is_skipped(self):
        verdict = judge(live(labelled=pairs(29, loss=0.4)))
        assert verdict.accepted
        assert not verdict.checks[-1].applies
        assert "29 labelled" in verdict.checks[-1].evidence


class TestLooks:
    def test_looks_are_due_at_doubling_times(self):
        past, ahead = looks(START, END, now=START)
        assert not past
        assert [(look - START) / timedelta(hours=1) for look in ahead] == [3, 6, 12, 24]

    def test_a_look_is_due_once_its_posts_are_archived(self):
        due = START + timedelta(hours=3) + SETTLES
        assert looks(START, END, now=due - timedelta(seconds=1))[0] == []
        assert looks(START, END, now=due)[0] == [START + timedelta(hours=3)]

    def test_the_last_look_is_at_the_end(self):
        past, ahead = looks(START, END, now=END + SETTLES)
        assert past[-1] == END
        assert ahead == []
