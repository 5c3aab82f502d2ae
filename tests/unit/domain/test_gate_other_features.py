"""The gate between models that were trained for different numeric features."""

from dataclasses import replace

import numpy as np
import pytest

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.evaluation.splits import split
from stresswatch.model.sklearn_export import export_pipeline
from stresswatch.retraining.contenders import Contender, score
from stresswatch.retraining.gate import decide
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.verdict import Basis
from tests.conftest import make_posts
from tests.other_features import ADDED, OTHER_FEATURES, REMOVED
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

RULES = GateRules()
POSTS = make_posts(800)
NEW = [replace(post, labelled_at="2026-11-23T00:00:00Z") for post in make_posts(400, seed=5)]


def train(posts):
    return Contender(export_pipeline(fit_pipeline(split(posts).train, Hyperparameters())), posts)


@pytest.fixture(scope="module")
def trained():
    return train(POSTS)


@pytest.fixture(scope="module")
def challenger(trained):
    """A model equal to the champion, without a gain on the posts labelled since."""
    return replace(trained, posts=POSTS + NEW)


@pytest.fixture(scope="module")
def champion(trained):
    return replace(trained, scorer=replace(trained.scorer, numeric_features=OTHER_FEATURES))


def names(verdict):
    return {check.name for check in verdict.checks}


def test_a_model_for_the_current_features_need_not_improve(challenger, champion):
    verdict = decide(challenger, champion, RULES)
    assert verdict.accepted, [check for check in verdict.checks if not check.passed]
    assert verdict.basis is Basis.COMMON_FEATURES
    assert "improvement in Brier score, new holdout" not in names(verdict)
    assert {"Brier score, base holdout", "Brier score, new holdout"} <= names(verdict)


def test_the_verdict_says_what_was_compared(challenger, champion):
    remark = decide(challenger, champion, RULES).remark
    assert f"it reads {REMOVED}, which posts no longer have" in remark
    assert f"it lacks {ADDED}, which posts have" in remark
    assert "reads the common features and imputes the rest" in remark


def test_a_challenger_worse_than_the_serving_champion_is_rejected(challenger, champion):
    scorer = replace(challenger.scorer, weight=-challenger.scorer.weight)
    verdict = decide(replace(challenger, scorer=scorer), champion, RULES)
    assert not verdict.accepted


def test_the_champion_reads_common_features_and_imputes_the_rest(champion):
    renamed = replace(champion.scorer, numeric_features=NUMERIC_FEATURES)
    lacking = [
        replace(one, post=one.post._replace(numbers=(np.nan, *one.post.numbers[1:])))
        for one in POSTS[:50]
    ]
    assert (score(champion.scorer, POSTS[:50]) == score(renamed, lacking)).all()


def test_against_a_champion_with_the_same_features_it_must_improve(challenger, trained):
    verdict = decide(challenger, trained, RULES)
    assert (verdict.basis, verdict.remark) == (Basis.CHAMPION, "")
    assert "improvement in Brier score, new holdout" in names(verdict)


def test_a_first_model_is_judged_on_its_own_merits(challenger):
    verdict = decide(challenger, None, RULES)
    assert (verdict.basis, verdict.remark) == (Basis.ALONE, "")
