"""The command `label` on moto: labels in a file become objects that the loop learns from."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import boto3
import pytest
from typer.testing import CliRunner

from cli import labelling, main
from cli.deployment import target as target_module
from cli.deployment.client import DeploymentClient
from cli.deployment.target import Target
from stresswatch.aws import stack_outputs
from stresswatch.contracts.labelled_posts import labelled_post_record
from stresswatch.storage.training_sets import read_lines
from tests.conftest import make_posts
from tests.training_sets import assembled

POSTS = make_posts(5, seed=2)


@pytest.fixture
def run(aws, monkeypatch, tmp_path):
    """Run a command over lines of JSON."""
    target = Target("stresswatch-dev", {stack_outputs.TRAINING_BUCKET: "training"}, boto3.client)
    monkeypatch.setattr(target_module, "aws_target", lambda _stage: target)

    def run(command, records):
        file = tmp_path / "labels.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        return CliRunner().invoke(main.app, [command, str(file)])

    return run


@pytest.fixture
def label(run):
    return partial(run, "label")


def records():
    return [labelled_post_record(post) for post in POSTS]


def submitted(aws):
    bodies = [aws.body("training", key) for key in aws.keys("training", "labels/")]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_labels_are_submitted_with_a_timestamp(aws, label):
    result = label(records())
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (
        0,
        "5 labels submitted. `stresswatch measure` matches them with predictions, by id and text, "
        "and counts those without one.",
    )
    found = submitted(aws)
    assert [one["post_id"] for one in found] == [post.post.post_id for post in POSTS]
    assert all(datetime.fromisoformat(one["labelled_at"]).tzinfo for one in found)


def test_the_timestamp_given_with_a_label_is_kept(aws, label):
    given = "2026-11-01T10:00:00+00:00"
    label([record | {"labelled_at": given} for record in records()])
    assert {one["labelled_at"] for one in submitted(aws)} == {given}


def test_a_label_dated_in_the_future_is_rejected_with_its_line(aws, label):
    at = [datetime.now(UTC) + timedelta(minutes=ahead) for ahead in (4, 7)]
    dated = [records()[0] | {"labelled_at": one.isoformat()} for one in at]
    result = label([*records(), *dated])
    assert result.exit_code == 1
    assert "line 7: labelled_at must not lie more than 5 minutes ahead" in " ".join(
        result.stderr.split()
    )
    assert aws.keys("training", "labels/") == []
    assert label([*records(), dated[0]]).exit_code == 0


def test_a_label_changed_back_counts_as_the_newest(aws, label):
    for given in (1, 0, 1):
        label([records()[0] | {"label": given}])
    lines = read_lines(aws.s3, "training", "labels/")
    assert [one.label for one in assembled([], lines).new] == [1]


def test_contradictory_base_data_is_reported(aws, run):
    twice = [records()[0] | {"label": given} for given in (0, 1)]
    told = run("seed", [*records(), *twice]).stdout
    assert "Base posts with both labels: 1. The more confident label counts" in told
    assert "both labels" not in run("seed", records()).stdout


def test_a_large_file_becomes_several_objects(aws, label, monkeypatch):
    monkeypatch.setattr(labelling, "LABELS_AN_OBJECT", 2)
    label(records())
    assert len(aws.keys("training", "labels/")) == 3
    assert len(submitted(aws)) == 5


def test_a_file_with_one_invalid_line_is_rejected_with_the_line(aws, label):
    result = label([*records(), {"post_id": "x", "text": "t", "label": 2}])
    assert result.exit_code == 1
    assert "line 6" in result.stderr
    assert aws.keys("training", "labels/") == []


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("posts", "posts.jsonl"),
        ("Épicerie", "!C3!89picerie.jsonl"),
        ("../labels/a", "!2E.!2Flabels!2Fa.jsonl"),
    ],
)
def test_base_data_of_any_name_stays_under_its_prefix(aws, name, key):
    target = Target("stresswatch-dev", {stack_outputs.TRAINING_BUCKET: "training"}, boto3.client)
    assert DeploymentClient(target).seed(POSTS, name) == f"s3://training/datasets/base/{key}"
    assert aws.keys("training") == [f"datasets/base/{key}"]


def test_seeding_dated_labels_drops_their_dates(aws, run):
    given = "2026-11-01T10:00:00+00:00"
    assert run("seed", [record | {"labelled_at": given} for record in records()]).exit_code == 0
    seeded = aws.body("training", "datasets/base/labels.jsonl").splitlines()
    assert [json.loads(line) for line in seeded] == records()
