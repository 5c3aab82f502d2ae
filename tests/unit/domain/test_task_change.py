import pytest

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.task.definition import TASK
from stresswatch.versions.task_change import TaskChange


@pytest.mark.parametrize("features", [NUMERIC_FEATURES, NUMERIC_FEATURES[::-1]])
def test_reordered_features_are_not_a_change(features):
    assert TaskChange.since(features) is None


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (("a", "b"), "it lacks c, which posts have"),
        (("a", "b", "c", "d"), "it reads d, which posts no longer have"),
        (
            ("a", "b", "d"),
            "it reads d, which posts no longer have, and it lacks c, which posts have",
        ),
        ((), "it lacks a, b, c, which posts have"),
    ],
    ids=["added", "removed", "renamed", "of text alone"],
)
def test_feature_changes_are_described_in_a_sentence(features, said):
    change = TaskChange.since(features, now=("a", "b", "c"))
    assert str(change) == f"The champion was trained for another task: {said}."


def test_only_a_known_different_label_is_a_change():
    assert TaskChange.since(NUMERIC_FEATURES, TASK.label.meaning) is None
    change = TaskChange.since(NUMERIC_FEATURES, "helpful")
    assert str(change).endswith(f"another task: it predicts helpful, not {TASK.label.meaning}.")


def test_swapped_classes_are_a_change():
    swapped = TASK.label._replace(positive=TASK.label.negative, negative=TASK.label.positive)
    change = TaskChange.since(NUMERIC_FEATURES, swapped.meaning)
    assert "It is not served" in change.advice
    assert "`stresswatch seed --replace FILE`" in change.advice


def test_the_advice_names_the_retrain_command():
    advice = TaskChange.since(("a",)).advice
    assert "It keeps serving" in advice
    assert "`stresswatch retrain --force`" in advice
