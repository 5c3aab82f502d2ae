"""The workflow's second state on moto: a training set, or the reason for its absence."""

from dataclasses import replace
from datetime import datetime

import pytest

from lambdas.dataset.handler import EmptyDataSet, NoBaseHoldout
from lambdas.dataset.handler import handler as dataset
from stresswatch.storage.training_sources import SOURCES_FILE
from stresswatch.versions.model_version import sha256
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT
from tests.integration.retraining.workflow import (
    BY_SCHEDULE,
    DRIFT_ALARM,
    FORCED,
    counted,
    judge,
    label,
    lines,
    sources_of,
    values,
)


class TestDataset:
    def test_base_data_and_labels_form_one_training_set(self, aws, base):
        new = make_posts(30, seed=2)
        aws.put("training", "labels/a.jsonl", lines(new, labelled_at="2026-11-23T00:00:00Z"))
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert (answer["posts"], answer["base_posts"], answer["labelled_posts"]) == (330, 300, 30)
        key = answer["dataset_uri"].removeprefix("s3://training/") + "posts.jsonl"
        assert sha256(aws.body("training", key)) == answer["dataset_sha256"]

    def test_the_sources_of_a_training_set_are_recorded_beside_it(self, aws, base):
        aws.put("training", "datasets/base/another.jsonl", lines(make_posts(40, seed=3)) + b"{\n")
        aws.put("training", "datasets/base/nothing new.jsonl", lines(make_posts(20, seed=3)))
        corrected = [replace(post, label=1 - post.label) for post in make_posts(300)[:7]]
        label(aws, "a", [*make_posts(30, seed=2), *corrected])
        answer = dataset(DRIFT_ALARM, CONTEXT)
        made = sources_of(aws, answer)
        assert {name: one.posts for name, one in made.base.items()} == {
            "another": 20,
            "nothing new": 20,
            "posts": 293,
        }
        assert (made.labels, made.invalid, made.counts.posts) == (37, 1, 370)
        assert all(datetime.fromisoformat(one.uploaded_at).tzinfo for one in made.base.values())

    def test_recorded_sources_omit_ids_and_text(self, aws):
        posts = [
            replace(one, post=one.post._replace(post_id=f"the-id-{number}", text=f"word {number}"))
            for number, one in enumerate(make_posts(300))
        ]
        aws.put("training", "datasets/base/posts.jsonl", lines(posts))
        folder = dataset(DRIFT_ALARM, CONTEXT)["dataset_uri"].removeprefix("s3://training/")
        recorded = aws.body("training", f"{folder}{SOURCES_FILE}")
        assert b"the-id" not in recorded
        assert b"word" not in recorded

    def test_the_parent_is_the_champion_or_empty_without_one(self, aws, base, version_files):
        assert dataset(DRIFT_ALARM, CONTEXT)["parent"] == ""
        aws.promote("v1", version_files)
        assert dataset(DRIFT_ALARM, CONTEXT)["parent"] == "v1"

    def test_labels_from_many_and_large_files_are_all_read(self, aws, base):
        for number, one in enumerate(make_posts(40, seed=2)):
            label(aws, chr(ord("a") + number), [one])
        long = [
            replace(one, post=one.post._replace(text=f"{one.post.post_id} " + "words " * 1000))
            for one in make_posts(300, seed=3)
        ]
        label(aws, "A", long)
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert (answer["labelled_posts"], answer["invalid"]) == (340, 0)

    def test_earlier_training_sets_are_not_read_as_data(self, aws, base):
        first = dataset(DRIFT_ALARM, CONTEXT)
        second = dataset(DRIFT_ALARM, CONTEXT)
        assert first["dataset_sha256"] == second["dataset_sha256"]

    def test_a_retraining_is_declined_without_enough_new_labels(self, aws, base, capsys):
        label(aws, "a", make_posts(30, seed=2))
        first = dataset(DRIFT_ALARM, CONTEXT)
        judge(aws, first["version"])
        before = aws.keys("training", "datasets/v")
        label(aws, "b", make_posts(19, seed=4))
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert answer["new_labels"] == 19
        assert f"19 labels are new since {first['version']} was judged" in answer["declined"]
        assert aws.keys("training", "datasets/v") == before
        assert counted(capsys, "RetrainingsDeclined") == [0, 1]

    def test_a_retraining_continues_with_enough_new_labels(self, aws, base):
        label(aws, "a", make_posts(30, seed=2))
        judge(aws, dataset(DRIFT_ALARM, CONTEXT)["version"])
        label(aws, "b", make_posts(20, seed=4))
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert (answer["new_labels"], answer["declined"]) == (20, None)

    def test_a_corrected_label_is_new_but_a_repeated_one_is_not(self, aws, base):
        posts = make_posts(30, seed=2)
        label(aws, "a", posts)
        judge(aws, dataset(DRIFT_ALARM, CONTEXT)["version"])
        label(aws, "b", posts[:10])
        label(aws, "c", [replace(post, label=1 - post.label) for post in posts[10:17]])
        assert dataset(DRIFT_ALARM, CONTEXT)["new_labels"] == 7

    def test_labels_of_an_unjudged_version_stay_new(self, aws, base):
        label(aws, "a", make_posts(30, seed=2))
        dataset(DRIFT_ALARM, CONTEXT)
        assert dataset(DRIFT_ALARM, CONTEXT)["new_labels"] == 30

    def test_a_forced_retraining_runs_without_new_labels(self, aws, base):
        judge(aws, dataset(DRIFT_ALARM, CONTEXT)["version"])
        assert dataset(DRIFT_ALARM, CONTEXT)["declined"]
        assert dataset(FORCED, CONTEXT)["dataset_uri"]

    def test_an_empty_base_holdout_is_an_error_before_training(self, aws, base):
        label(aws, "a", [replace(post, label=1 - post.label) for post in make_posts(300)])
        with pytest.raises(NoBaseHoldout, match="upload more base data with `stresswatch seed`"):
            dataset(DRIFT_ALARM, CONTEXT)
        assert aws.keys("training", "datasets/v") == []

    def test_contradictory_future_and_unweighted_labels_are_counted(self, aws, base, capsys):
        posts = make_posts(300)
        flipped = [replace(post, label=1 - post.label) for post in posts[:2]]
        aws.put("training", "datasets/base/again.jsonl", lines(flipped))
        unsure = lines(make_posts(3, seed=2), labelled_at="2026-11-23T00:00:00Z", confidence=0)
        ahead = lines(make_posts(4, seed=3), labelled_at="2999-01-01T00:00:00Z")
        aws.put("training", "labels/a.jsonl", unsure + ahead)
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert (answer["posts"], answer["invalid"]) == (303, 4)
        assert answer["contradictory_posts"] == 2
        assert answer["future_labels"] == 4
        assert answer["unweighted_posts"] == 3
        logged = capsys.readouterr().out
        assert values(logged, "ContradictoryPosts") == [2]
        assert values(logged, "FutureLabels") == [4]

    def test_a_label_corrected_back_is_new_and_restores_the_base_post(self, aws, base):
        posts = make_posts(300)
        label(aws, "a", [replace(post, label=1 - post.label) for post in posts[:25]])
        first = dataset(DRIFT_ALARM, CONTEXT)
        assert (first["base_posts"], first["labelled_posts"]) == (275, 25)
        judge(aws, first["version"])
        label(aws, "b", posts[:25])
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert (answer["base_posts"], answer["labelled_posts"]) == (300, 0)
        assert (answer["new_labels"], answer["declined"]) == (25, None)

    def test_a_holdout_of_training_duplicates_alone_is_an_error(self, aws):
        # With ten ids for one text, one is for training in all but ten of a hundred million cases.
        copies = [
            replace(post, post=post.post._replace(post_id=f"{post.post.post_id}-{copy}"))
            for post in make_posts(20)
            for copy in range(10)
        ]
        aws.put("training", "datasets/base/posts.jsonl", lines(copies))
        with pytest.raises(NoBaseHoldout, match="text also occurs under a training post's id"):
            dataset(DRIFT_ALARM, CONTEXT)

    def test_labels_that_repeat_base_data_keep_the_base_holdout(self, aws, base):
        label(aws, "a", make_posts(300))
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert (answer["base_posts"], answer["labelled_posts"]) == (300, 0)

    def test_an_empty_training_set_is_an_error_with_advice(self, aws):
        aws.put("training", "labels/a.jsonl", b"{\n")
        with pytest.raises(EmptyDataSet, match="1 invalid lines; upload base data"):
            dataset(DRIFT_ALARM, CONTEXT)

    def test_a_scheduled_request_before_the_first_seed_is_declined(self, aws):
        answer = dataset(BY_SCHEDULE, CONTEXT)
        assert answer["posts"] == 0
        assert "`stresswatch seed`" in answer["declined"]
        assert not aws.keys("training")

    @pytest.mark.parametrize("request_", [DRIFT_ALARM, FORCED | BY_SCHEDULE])
    def test_other_requests_before_the_first_seed_are_an_error(self, aws, request_):
        with pytest.raises(EmptyDataSet, match="0 invalid lines"):
            dataset(request_, CONTEXT)

    def test_a_scheduled_request_with_missing_posts_is_an_error(self, aws):
        aws.put("models", "models/v1/verdict.json", b"{}")
        with pytest.raises(EmptyDataSet):
            dataset(BY_SCHEDULE, CONTEXT)

    def test_a_scheduled_request_with_only_invalid_posts_is_an_error(self, aws):
        aws.put("training", "labels/a.jsonl", b"{\n")
        with pytest.raises(EmptyDataSet):
            dataset(BY_SCHEDULE, CONTEXT)
