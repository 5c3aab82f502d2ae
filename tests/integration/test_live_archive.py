"""Comparisons through Athena on moto equal those of whole archived rows, for any archive."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from stresswatch.aws.athena import Athena
from stresswatch.contracts.identity import text_digest
from stresswatch.monitoring.label_table import LabelTable
from stresswatch.monitoring.labelled_predictions import labelled_predictions
from stresswatch.monitoring.live_quality import match
from stresswatch.retraining.live_archive import LiveArchive
from stresswatch.settled.places import PREDICTIONS, SHADOW
from stresswatch.storage import archive
from stresswatch.storage.training_sets import lines_of
from stresswatch.versions.shadow import GRACE
from tests.comparing import compare_rows, shadowed_in_window
from tests.integration.conftest import ENVIRONMENT
from tests.integration.conftest import IDENTITY_KEY as KEY
from tests.integration.settling import settle_all
from tests.newest_labels import newest_labels
from tests.world import LABELS, TEXTS, World

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=4)


@pytest.fixture(params=range(3))
def world(aws, request):
    return World(aws.s3, request.param, START, KEY)


WINDOW = World(None, 0, START, KEY).window


@pytest.fixture
def live(aws):
    return LiveArchive(aws.s3, athena(), "training", KEY, lambda *_, **__: None)


def athena():
    workgroup, database = ENVIRONMENT["QUERY_WORKGROUP"], ENVIRONMENT["QUERY_DATABASE"]
    return Athena(boto3.client("athena"), workgroup, database)


def rows(aws, start, end, place=PREDICTIONS):
    return archive.read(aws.s3, "archive", start, end, prefix=place.raw)


def of(version, found):
    return [row for row in found if row["model_version"] == version]


def labels(aws):
    return newest_labels(lines_of(aws.body("training", LABELS)), KEY)


def test_shadow_comparison_equals_that_of_archived_rows(aws, world, live):
    world.fill(answers=["v1", "v1", "v0"], shadows=["v2", "v2", "v3"])
    settle_all(aws.s3)
    shadowed = rows(aws, WINDOW.start, WINDOW.end + GRACE, SHADOW)
    expected = compare_rows(
        of("v1", rows(aws, WINDOW.start, WINDOW.end)), of("v2", shadowed), labels(aws)
    )
    found = live.compare_shadow(WINDOW, "v1", "v2")
    assert sorted_pairs(found) == sorted_pairs(expected)
    assert (found.posts, found.both, found.agreeing) == (
        expected.posts,
        expected.both,
        expected.agreeing,
    )
    assert found.labelled


def test_probation_comparison_equals_that_of_archived_rows(aws, world, live):
    world.fill(answers=["v1", "v2", "v2"], shadows=["v1", "v1", "v0"])
    settle_all(aws.s3)
    answered = rows(aws, WINDOW.start - GRACE, WINDOW.end + GRACE)
    shadowed = shadowed_in_window(
        rows(aws, WINDOW.start, WINDOW.end, SHADOW), answered, WINDOW.start
    )
    expected = compare_rows(of("v1", shadowed), of("v2", answered), labels(aws))
    found = live.compare_probation(WINDOW, "v1", "v2")
    assert sorted_pairs(found) == sorted_pairs(expected)
    assert (found.posts, found.both, found.agreeing) == (
        expected.posts,
        expected.both,
        expected.agreeing,
    )
    assert found.labelled


def sorted_pairs(live):
    return sorted((one.post_id, one.label, one.champion, one.challenger) for one in live.labelled)


def test_live_quality_equals_that_of_archived_rows(aws, world):
    """Equal down to the order of scored rows, on which the intervals depend."""
    world.fill(answers=["v1", "v1", "v2"], shadows=["v2"])
    settle_all(aws.s3)
    known, trained = labels(aws), {text_digest(KEY, TEXTS[1])}
    expected = match(known, rows(aws, WINDOW.start, WINDOW.end), "v1", trained)
    folded = LabelTable(aws.s3, "training", KEY).fold()
    found = list(labelled_predictions(athena(), WINDOW.start, WINDOW.end))
    outcome = match(folded.of({row["post_id"] for row in found}), found, "v1", trained)
    assert outcome.counts() == expected.counts()
    digested = {row["post_id"] for row in found if row["text_digest"]}
    assert [one for one in outcome.scored if one.post_id in digested] == [
        one for one in expected.scored if one.post_id in digested
    ]
    assert sorted(outcome.scored, key=repr) == sorted(expected.scored, key=repr)
    assert min(outcome.counts().values()) > 0


def test_labels_of_training_texts_do_not_count(aws, live):
    world = World(aws.s3, 1, START, KEY)
    world.fill(answers=["v1"], shadows=["v2"])
    settle_all(aws.s3)
    before = live.compare_shadow(WINDOW, "v1", "v2")
    posts = [
        {"post_id": f"other-{number}", "text": text, "label": 1}
        for number, text in enumerate(TEXTS * 20)
    ]
    body = "\n".join(json.dumps(post) for post in posts).encode()
    aws.put("training", "datasets/v2/posts.jsonl", body)
    after = live.compare_shadow(WINDOW, "v1", "v2")
    assert (after.trained_on, before.trained_on) == (len(before.labelled), 0)
    assert (after.posts, after.both) == (before.posts, before.both)
