"""A probation between scorers: arrays after scikit-learn, and the other way round."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from lambdas.predictor.handler import handler as predict
from lambdas.probation.handler import handler as probation
from lambdas.shadow.handler import handler as shadow
from stresswatch.model.scorer import ScorerKind
from stresswatch.storage.training_sets import given_by, to_lines
from stresswatch.versions.model_version import Manifest
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, train_version
from tests.integration.settling import settle_all
from tests.integration.test_predictor import event, failures, payload

POSTS = make_posts(60, seed=9)
BATCH = event([payload(post) for post in POSTS])
PIPELINES = {ScorerKind.ARRAYS: "linear", ScorerKind.SCIKIT_LEARN: "gradient-boosting"}
KINDS = list(PIPELINES)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The files of v1 and v2 of each kind; the contrary v2 learned flipped labels."""
    folder, posts = tmp_path_factory.mktemp("training"), make_posts(300, seed=2)
    flipped = [replace(post, label=1 - post.label) for post in posts]
    learned = {"v1": ("v1", make_posts(300)), "good": ("v2", posts), "contrary": ("v2", flipped)}
    return {
        (kind, name): train_version(folder / kind / name, of, version, pipeline=pipeline)
        for kind, pipeline in PIPELINES.items()
        for name, (version, of) in learned.items()
    }


@pytest.fixture(params=[KINDS, KINDS[::-1]], ids=" after ".join)
def look(request, aws, cold_start, monkeypatch, trained):
    """Replace v1 by v2 of the other kind; return what a probation of its answers says."""
    monkeypatch.setenv("CHAMPION_TTL_SECONDS", "0")
    monkeypatch.setenv("SCORER", ScorerKind.SCIKIT_LEARN)
    # Archived rows are read before they settle.
    monkeypatch.setattr("stresswatch.retraining.probation.SETTLES", timedelta(seconds=-5))
    later, earlier = request.param

    def look(quality):
        files = {"v1": trained[earlier, "v1"], "v2": trained[later, quality]}
        kinds = [Manifest.from_bytes(one["manifest.json"]).scorer for one in files.values()]
        assert kinds == [earlier, later]
        previous = aws.promote("v1", files["v1"])
        aws.promote("v2", files["v2"])
        shadow({**asdict(previous), "seconds": 3600, "on_probation": "v2"}, CONTEXT)
        start = datetime.now(UTC).isoformat()
        assert failures(predict(BATCH, CONTEXT)) == []
        aws.put("training", "labels/a.jsonl", to_lines(given_by(POSTS, datetime.now(UTC))))
        settle_all(boto3.client("s3"))
        end = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        asked = {"version": "v2", "basis": "champion", "previous": asdict(previous)}
        return probation(asked | {"start": start, "end": end}, CONTEXT)

    return look


def test_a_good_new_champion_passes_the_comparison_and_stays(aws, look):
    answer = look("good")
    assert (answer["outcome"], answer["posts"]) == ("kept", len(POSTS))
    assert all(check["applies"] for check in answer["checks"])
    assert aws.pointer().version == "v2"


def test_a_worse_new_champion_is_rolled_back_to_the_previous_one(aws, look):
    answer = look("contrary")
    failed = [check["name"] for check in answer["checks"] if not check["passed"]]
    assert failed == [
        "agreement with previous champion, live posts",
        "Brier score, labelled live posts",
    ]
    assert answer["outcome"] == "rolled_back"
    assert aws.pointer().version == "v1"
    assert aws.journal.barred("v2").by == "its probation"
    assert failures(predict(BATCH, CONTEXT)) == []
    versions = [one["model_version"] for one in aws.predictions()]
    assert versions == ["v2"] * len(POSTS) + ["v1"] * len(POSTS)
