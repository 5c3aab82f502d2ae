"""Posts that are generated for any task tell the demo's story: newcomers differ from others."""

import random

import numpy as np
import pytest
from scipy.stats import ks_2samp

from cli.data import task_posts
from cli.demo.posts import split_posts
from stresswatch.evaluation.metrics import measure
from stresswatch.task.definition import TASK
from training_jobs.model.dataset import frame
from training_jobs.model.fitting import Hyperparameters, fit_pipeline


@pytest.fixture(scope="module")
def parts():
    return split_posts(task_posts.generate(TASK, random.Random(7), ""), task_posts.NEWCOMERS)


def numbers(posts):
    return np.array([labelled.post.numbers for labelled in posts])


def words(posts):
    return {word for labelled in posts for word in labelled.post.text.split()}


def test_newcomers_drift_in_every_feature_and_others_in_none(parts):
    def drifted(current):
        return [
            ks_2samp(column, other, nan_policy="omit").pvalue < 0.001
            for column, other in zip(numbers(current).T, numbers(parts.base).T, strict=True)
        ]

    assert all(drifted(parts.held_out))
    assert not any(drifted(parts.quiet[0]) + drifted(parts.quiet[1]))


def test_newcomers_use_words_that_others_do_not(parts):
    assert words(parts.quiet[0]) <= words(parts.base)
    assert len(words(parts.held_out) - words(parts.base)) > 200


def test_training_on_newcomers_improves_f1_and_brier_score_on_them(parts):
    def quality(training):
        probability = fit_pipeline(training, Hyperparameters()).predict_proba(frame(parts.held_out))
        return measure(np.array([one.label for one in parts.held_out]), probability[:, 1])

    first, second = quality(parts.base), quality(parts.base + parts.labelled)
    assert second.f1 > first.f1 + 0.05
    assert second.brier < first.brier - 0.02
