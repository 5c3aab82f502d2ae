"""The functions' queries on the local stack's Athena give the same answers as whole rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stresswatch.aws import stack_outputs
from stresswatch.aws.athena import Athena, QueryFailed
from stresswatch.monitoring import label_table
from stresswatch.monitoring.label_table import LabelTable
from stresswatch.monitoring.labelled_predictions import labelled_predictions
from stresswatch.monitoring.live_quality import Labels, match
from stresswatch.retraining.live_archive import LiveArchive
from stresswatch.settled.places import ARCHIVES, SHADOW, Part
from stresswatch.settled.plan import Job
from stresswatch.settled.queries import PREDICTIONS_TABLE
from stresswatch.settled.windows import Window
from stresswatch.storage import archive
from stresswatch.storage.training_sets import LABELS_PREFIX, read_lines
from stresswatch.versions.shadow import GRACE
from tests.comparing import compare_rows, shadowed_in_window
from tests.e2e.deployed import Deployed
from tests.newest_labels import newest_labels
from tests.world import LABELS, World

HOUR = timedelta(hours=1)
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
"""Earlier than any other test's window."""


@pytest.fixture(scope="module")
def world(deployed: Deployed) -> Iterator[World]:
    """Posts that versions answered and shadowed, settled by the stack's own function."""
    outputs, s3 = deployed.stack.outputs, deployed.client("s3")
    archived, training = (
        outputs[stack_outputs.ARCHIVE_BUCKET],
        outputs[stack_outputs.TRAINING_BUCKET],
    )
    world = World(s3, 5, START, b"k" * 64, archived, training)
    world.fill(answers=["v1", "v1", "v2"], shadows=["v2", "v2", "v1"])
    for place in ARCHIVES.values():
        for start in (START, START + HOUR):
            job = Job(place, Part(Window(start, start + HOUR), "shard")).to_dict()
            assert '"posts"' in deployed.invoke(outputs[stack_outputs.SETTLE_FUNCTION], job)
    yield world
    for bucket, keys in (
        (archived, [key for key in deployed.objects(archived) if f"{START:date=%Y-%m-%d}" in key]),
        (training, [LABELS, label_table.KEY]),
    ):
        for key in keys:
            s3.delete_object(Bucket=bucket, Key=key)


@pytest.fixture(scope="module")
def athena(deployed: Deployed) -> Athena:
    outputs = deployed.stack.outputs
    workgroup = deployed.named("QueryingFunctionsWorkgroup", "AWS::Athena::WorkGroup")
    return Athena(deployed.client("athena"), workgroup, outputs[stack_outputs.QUERY_DATABASE])


@pytest.fixture(scope="module")
def live(world: World, athena: Athena) -> LiveArchive:
    return LiveArchive(world.s3, athena, world.training_bucket, world.key, lambda *_, **__: None)


def labels(world: World) -> Labels:
    return newest_labels(read_lines(world.s3, world.training_bucket, LABELS_PREFIX), world.key)


def test_queried_labelled_predictions_match_the_archive_rows(world: World, athena: Athena) -> None:
    window = world.window
    rows = archive.read(world.s3, world.archive_bucket, window.start, window.end)
    expected = match(labels(world), rows, "v1")
    known = LabelTable(world.s3, world.training_bucket, world.key).fold()
    found = list(labelled_predictions(athena, window.start, window.end))
    outcome = match(known.of({row["post_id"] for row in found}), found, "v1")
    assert outcome.counts() == expected.counts()
    assert sorted(outcome.scored, key=repr) == sorted(expected.scored, key=repr) != []


def test_queried_comparisons_match_those_of_the_archive_rows(
    world: World, live: LiveArchive
) -> None:
    window, bucket = world.window, world.archive_bucket
    answered = archive.read(world.s3, bucket, window.start, window.end)
    shadowed = archive.read(world.s3, bucket, window.start, window.end + GRACE, prefix=SHADOW.raw)
    by_v1 = [row for row in answered if row["model_version"] == "v1"]
    by_v2 = [row for row in shadowed if row["model_version"] == "v2"]
    expected = compare_rows(by_v1, by_v2, labels(world))
    found = live.compare_shadow(window, "v1", "v2")
    assert sorted(found.labelled, key=repr) == sorted(expected.labelled, key=repr) != []
    assert replace(found, labelled=()) == replace(expected, labelled=())


def test_a_queried_probation_matches_that_of_the_archive_rows(
    world: World, live: LiveArchive
) -> None:
    window, bucket = world.window, world.archive_bucket
    answered = archive.read(world.s3, bucket, window.start - GRACE, window.end + GRACE)
    shadowed = archive.read(world.s3, bucket, window.start, window.end, prefix=SHADOW.raw)
    in_window = shadowed_in_window(shadowed, answered, window.start)
    by_v1 = [row for row in in_window if row["model_version"] == "v1"]
    by_v2 = [row for row in answered if row["model_version"] == "v2"]
    expected = compare_rows(by_v1, by_v2, labels(world))
    found = live.compare_probation(window, "v1", "v2")
    assert sorted(found.labelled, key=repr) == sorted(expected.labelled, key=repr)
    assert replace(found, labelled=()) == replace(expected, labelled=())
    assert 0 < found.both < found.posts


def test_a_failed_query_is_named_without_quoting_data(world: World, athena: Athena) -> None:
    text = "cast(post_id AS bigint)"
    sql = f"SELECT {text} FROM {PREDICTIONS_TABLE} WHERE model_version = ?"
    with pytest.raises(QueryFailed, match=r"^the query [\w-]{36} ended as FAILED") as failure:
        list(athena.query(sql, ["v1"]))
    assert "post-" not in str(failure.value)
