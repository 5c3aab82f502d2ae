"""Accepted and refused challengers, and the gate's reasons."""

import random
import re
from dataclasses import replace

import pytest

from docs.__main__ import PROJECT
from stresswatch.evaluation.splits import split
from stresswatch.model.sklearn_export import export_pipeline
from stresswatch.retraining.contenders import Contender
from stresswatch.retraining.gate import decide
from stresswatch.retraining.gate_rules import GateRules, InvalidGateRules
from tests.conftest import make_posts
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

RULES = GateRules()
BASE = make_posts(1200)
IMPROVEMENT = "improvement in Brier score, new holdout"
DISTANCE = "improvement in distance to training posts, new holdout"
CHANCE = "p-value of ROC-AUC, base holdout"


def labelled_since(posts):
    return [replace(post, labelled_at="2026-11-23T00:00:00Z") for post in posts]


def flipped(posts):
    return [replace(post, label=1 - post.label) for post in posts]


def moved(posts, by):
    """Posts with other words and numeric features, both unrelated to their labels."""
    return [
        replace(
            post,
            post=post.post._replace(
                text=f"rent shelter food {post.post.post_id[-2:]} x{place}",
                numbers=tuple(number + by for number in post.post.numbers),
            ),
        )
        for place, post in enumerate(posts)
    ]


def bare(posts):
    """Posts of text alone."""
    nothing = (float("nan"),) * 5
    return [replace(post, post=post.post._replace(numbers=nothing)) for post in posts]


def train(posts, sharpness=1.0):
    artefact = export_pipeline(fit_pipeline(split(posts).train, Hyperparameters()))
    return Contender(
        replace(
            artefact,
            weight=artefact.weight * sharpness,
            number_weight=artefact.number_weight * sharpness,
            share_weight=artefact.share_weight * sharpness,
            intercept=artefact.intercept * sharpness,
        ),
        posts,
    )


@pytest.fixture(scope="module")
def champion():
    return train(BASE)


@pytest.fixture(scope="module")
def poor():
    return train(BASE[:150] + flipped(BASE[150:200]))


def failed(verdict):
    return {check.name for check in verdict.checks if not check.passed}


def check(verdict, name):
    return next(check for check in verdict.checks if check.name == name)


def with_posts(contender, posts):
    return replace(contender, posts=posts)


class TestFirstModel:
    def test_a_good_model_is_accepted(self, champion):
        assert decide(champion, None, RULES).accepted

    def test_a_model_trained_on_flipped_labels_is_rejected(self):
        poisoned = train(flipped(BASE))
        assert "ROC-AUC, base holdout" in failed(decide(with_posts(poisoned, BASE), None, RULES))

    def test_a_model_with_constant_predictions_is_rejected(self, champion):
        broken = with_posts(train(BASE, sharpness=0.0), BASE)
        assert failed(decide(broken, None, RULES)) >= {"ROC-AUC, base holdout"}

    def test_an_oversized_model_is_rejected(self, champion):
        small = replace(RULES, maximum_model_bytes=1000)
        assert failed(decide(champion, None, small)) == {"model size, MB"}


def guessed(posts, seed=1):
    """Posts whose labels are unrelated to them."""
    chance = random.Random(seed)
    return [replace(post, label=chance.randint(0, 1)) for post in posts]


def copied(posts, copies):
    return [
        replace(post, post=post.post._replace(post_id=f"{post.post.post_id}-{copy}"))
        for post in posts
        for copy in range(copies)
    ]


class TestRandomLabels:
    @pytest.mark.parametrize("seed", range(3))
    def test_copies_of_a_text_do_not_leak_labels_into_the_holdout(self, seed):
        posts = copied(guessed(make_posts(600), seed), 2)
        verdict = decide(train(posts), None, RULES)
        assert not verdict.accepted
        assert abs(check(verdict, "ROC-AUC, base holdout").challenger - 0.5) < 0.25

    def test_a_roc_auc_explained_by_chance_is_rejected(self):
        """On few posts, some model reaches any ROC-AUC with random labels."""
        accepted, lucky = 0, 0
        for seed in range(12):
            few = guessed(make_posts(60, seed=seed), seed)
            if len({post.label for post in split(few).evaluation}) < 2:
                continue
            verdict = decide(train(few), None, RULES)
            lucky += check(verdict, "ROC-AUC, base holdout").passed
            accepted += verdict.accepted
        assert lucky > 0
        assert accepted == 0

    def test_random_new_labels_do_not_pass_the_gate(self, champion):
        for seed in range(3):
            posts = BASE + labelled_since(guessed(make_posts(400, seed=3), seed))
            assert not decide(train(posts), champion, RULES).accepted


class TestChampionTrainingPosts:
    def test_posts_the_champion_trained_on_are_excluded(self, champion):
        """Its copy of a text, which had kept the others on its side, is gone."""
        held_out = split(BASE).evaluation
        learned = split(BASE).train[0].post.post_id
        copies = [replace(one, post=one.post._replace(post_id=learned)) for one in held_out[:-5]]
        knowing = with_posts(champion, BASE + copies)
        line = check(decide(champion, knowing, RULES), CHANCE)
        assert line.evidence == "permutation test, 5 independent posts"

    def test_copies_are_one_observation(self, champion):
        twice = [
            *BASE,
            *(
                replace(one, post=one.post._replace(post_id=name))
                for one, name in zip(split(BASE).evaluation, _evaluation_names(), strict=False)
            ),
        ]
        once, again = (
            check(decide(with_posts(champion, posts), champion, RULES), CHANCE).evidence
            for posts in (BASE, twice)
        )
        assert once == again
        assert len(split(twice).evaluation) > len(split(BASE).evaluation)


def _evaluation_names():
    named = [
        replace(post, post=post.post._replace(text=post.post.post_id))
        for post in make_posts(500, seed=99)
    ]
    return [one.post.post_id for one in split(named).evaluation]


class TestOnBaseHoldout:
    def test_a_better_challenger_is_accepted(self, champion, poor):
        assert decide(champion, poor, RULES).accepted

    def test_an_equal_challenger_is_accepted(self, champion):
        assert decide(champion, champion, RULES).accepted

    def test_a_worse_challenger_is_rejected(self, champion, poor):
        verdict = decide(with_posts(poor, BASE), champion, RULES)
        assert failed(verdict) >= {"F1, base holdout", "Brier score, base holdout"}

    def test_a_poisoned_challenger_is_rejected(self, champion):
        quarter = [
            flipped([post])[0] if place % 4 == 0 else post for place, post in enumerate(BASE)
        ]
        poisoned = with_posts(train(quarter), BASE)
        assert "Brier score, base holdout" in failed(decide(poisoned, champion, RULES))

    def test_an_underconfident_challenger_is_rejected(self, champion):
        unsure = train(BASE, sharpness=0.3)
        assert failed(decide(unsure, champion, RULES)) == {
            "Brier score, base holdout",
            "calibration error, base holdout",
        }


class TestOnNewHoldout:
    def test_a_small_new_holdout_is_skipped_with_the_reason(self, champion):
        new = split(make_posts(400, seed=3)).evaluation
        few = labelled_since(new[: RULES.minimum_posts - 1])
        verdict = decide(with_posts(champion, BASE + few), champion, RULES)
        line = check(verdict, "all checks, new holdout")
        assert (line.passed, line.applies) == (True, False)
        assert line.evidence == "29 posts, at least 30 needed"

    def test_a_better_brier_score_counts_as_an_improvement(self, champion, poor):
        posts = BASE + labelled_since(make_posts(400, seed=3))
        verdict = decide(with_posts(champion, posts), poor, RULES)
        line = check(verdict, IMPROVEMENT)
        assert line.requirement == "a lower one, with 95 % confidence"
        assert re.fullmatch(r"difference -\S+, at worst -\S+, \d+ posts", line.evidence)
        assert verdict.accepted

    def test_a_challenger_without_improvement_is_rejected(self, champion):
        posts = BASE + labelled_since(make_posts(400, seed=3))
        assert failed(decide(with_posts(champion, posts), champion, RULES)) == {IMPROVEMENT}

    def test_training_on_drifted_posts_counts_as_an_improvement(self, champion):
        posts = BASE + labelled_since(moved(make_posts(400, seed=3), by=100))
        verdict = decide(train(posts), champion, RULES)
        line = check(verdict, DISTANCE)
        assert line.passed
        assert line.challenger < line.champion - RULES.minimum_distance_reduction

    def test_a_smaller_distance_needs_the_champions_training_posts(self, champion):
        posts = BASE + labelled_since(moved(make_posts(400, seed=3), by=100))
        verdict = decide(with_posts(champion, posts), with_posts(champion, []), RULES)
        assert "training posts are deleted" in check(verdict, IMPROVEMENT).evidence
        assert IMPROVEMENT in failed(verdict)

    def test_a_feature_without_values_has_the_maximum_distance(self, champion):
        new = labelled_since(bare(make_posts(400, seed=3)))
        line = check(decide(with_posts(champion, BASE + new), champion, RULES), IMPROVEMENT)
        assert "the distance is 1.000 (champion 1.000), at most" in line.evidence

    def test_between_text_only_models_distance_does_not_apply(self):
        posts, new = bare(BASE), labelled_since(bare(make_posts(400, seed=3)))
        text_only = train(posts)
        line = check(
            decide(with_posts(text_only, posts + new), text_only, RULES),
            IMPROVEMENT,
        )
        assert not line.passed
        assert line.evidence.endswith("would suffice too, but the posts lack numeric features")

    def test_a_text_only_challenger_is_closer_to_text_only_posts(self, champion):
        new = labelled_since(bare(make_posts(400, seed=3)))
        challenger = train(bare(BASE) + new)
        assert check(decide(challenger, champion, RULES), DISTANCE).passed

    def test_a_challenger_worse_only_on_new_posts_is_rejected(self, champion):
        # On posts with flipped labels, the more confident of two like models is the poorer one.
        unsure = train(BASE, sharpness=0.5)
        posts = BASE + labelled_since(flipped(make_posts(400, seed=3)))
        verdict = decide(with_posts(champion, posts), unsure, RULES)
        assert "Brier score, new holdout" in failed(verdict)
        assert "Brier score, base holdout" not in failed(verdict)

    def test_flipped_new_labels_fail_the_champions_roc_auc_check(self, champion):
        posts = BASE + labelled_since(flipped(make_posts(400, seed=3)))
        verdict = decide(train(posts), champion, RULES)
        assert "ROC-AUC of champion, new holdout" in failed(verdict)


class TestCommunities:
    def test_a_community_with_a_drop_in_f1_is_named(self, champion):
        told_apart = [
            replace(post, post=post.post._replace(text=f"{post.post.source} {post.post.text}"))
            for post in BASE
        ]
        before = train(told_apart)
        weight = before.scorer.weight.copy()
        terms = {
            before.scorer.words[first]: place
            for place, (first, second) in enumerate(
                zip(before.scorer.first, before.scorer.second, strict=True)
            )
            if second == -1
        }
        weight[terms["ptsd"]] -= 100
        after = replace(before, scorer=replace(before.scorer, weight=weight))
        assert {"F1, community ptsd"} <= failed(decide(after, before, RULES))
        assert "F1, community anxiety" not in failed(decide(after, before, RULES))

    def test_line_breaks_in_a_community_name_are_escaped(self, champion):
        forged = {"ptsd": "a\n- passed: everything"}
        posts = [
            replace(one, post=one.post._replace(source=forged.get(one.post.source, "anxiety")))
            for one in champion.posts
        ]
        contender = replace(champion, posts=posts)
        names = [check.name for check in decide(contender, contender, RULES).checks]
        assert "F1, community a%0A- passed: everything" in names

    def test_a_community_with_too_few_posts_is_skipped(self, champion):
        rare = [replace(post, post=post.post._replace(source="rare")) for post in BASE[:60]]
        verdict = decide(with_posts(champion, rare + BASE[60:]), champion, RULES)
        names = {check.name for check in verdict.checks}
        assert {"F1, community ptsd", "F1, community anxiety"} <= names
        assert "F1, community rare" not in names


def test_a_challenger_that_scores_too_slowly_is_rejected(champion, monkeypatch):
    slow = replace(champion, scorer=replace(champion.scorer))
    artefact = type(champion.scorer)
    now = 0.0
    score = artefact.score_normalised

    def timed(self, *arguments):
        nonlocal now
        now += 3.0 if self is slow.scorer else 1.0
        return score(self, *arguments)

    monkeypatch.setattr(artefact, "score_normalised", timed)
    assert failed(decide(slow, champion, RULES, lambda: now)) == {"scoring time, µs per post"}


def test_an_empty_base_holdout_is_an_error(champion):
    with pytest.raises(ValueError, match="base holdout is empty"):
        decide(with_posts(champion, labelled_since(BASE)), None, RULES)


def test_every_check_has_a_requirement(champion, poor):
    posts = BASE + labelled_since(make_posts(400, seed=3))
    verdict = decide(with_posts(champion, posts), poor, RULES)
    assert len({check.name for check in verdict.checks}) == len(verdict.checks)
    assert all(check.requirement for check in verdict.checks)


class TestRules:
    def test_rules_round_trip_through_json(self):
        rules = replace(RULES, base_f1_margin=0.01)
        assert GateRules.from_json(rules.to_json()) == rules

    @pytest.mark.parametrize(
        ("value", "sentence"),
        [
            ("{", "cannot be read"),
            ('{"patience": 3}', "patience"),
            ('{"confidence": 1.0}', "confidence is 1.0"),
            ('{"minimum_roc_auc": 0.2}', "minimum_roc_auc is 0.2"),
            ('{"base_brier_margin": 0}', "base_brier_margin is 0; it must be above 0"),
            ('{"maximum_slowdown": Infinity}', "maximum_slowdown is inf; it must be .* finite"),
            ('{"confidence": 0.9}', "rules lack base_brier_margin, .*, new_brier_margin"),
        ],
    )
    def test_invalid_rules_are_rejected(self, value, sentence):
        with pytest.raises(InvalidGateRules, match=sentence):
            GateRules.from_json(value)


def test_the_documentation_names_every_check(champion):
    page = (PROJECT / "docs" / "retraining.md").read_text()
    posts = BASE + labelled_since(moved(make_posts(400, seed=3), by=100))
    names = [check.name for check in decide(train(posts), champion, RULES).checks]
    assert "improvement in distance to training posts, new holdout" in names
    assert [name for name in names if f"*{name.partition(',')[0]}" not in page] == []
