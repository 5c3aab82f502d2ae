"""The command `smoke` against Kinesis and SSM, on moto."""

import json

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from cli import main
from cli.deployment import target as target_module
from cli.deployment.client import DeploymentClient
from cli.deployment.target import Target
from cli.smoke import POSTS, send_and_wait, smoke_posts
from stresswatch.aws import stack_outputs
from stresswatch.contracts.posts import SMOKE_PREFIX
from stresswatch.versions.champion import Pointer

OUTPUTS = {
    stack_outputs.POSTS_STREAM: "posts",
    stack_outputs.PREDICTIONS_STREAM: "predictions",
    stack_outputs.CHAMPION_PARAMETER: "champion",
}


@pytest.fixture
def target(monkeypatch):
    with mock_aws():
        for stream in ("posts", "predictions"):
            boto3.client("kinesis").create_stream(StreamName=stream, ShardCount=2)
        found = Target("stresswatch-dev", OUTPUTS, boto3.client)
        monkeypatch.setattr(target_module, "aws_target", lambda stage: found)
        yield found


def put(target, *predictions):
    target.client("kinesis").put_records(
        StreamName="predictions",
        Records=[
            {"PartitionKey": one["post_id"], "Data": json.dumps(one).encode()}
            for one in predictions
        ],
    )


@pytest.fixture
def predicts(monkeypatch):
    """Predict all sent posts at once, except those at some positions."""
    send = DeploymentClient.send

    def but_for(*places):
        def predict(deployment, payloads):
            ids = send(deployment, payloads)
            said = [
                {"prediction_id": id_, "post_id": post_id, "model_version": "v1"}
                for place, (id_, (post_id, _)) in enumerate(zip(ids, payloads, strict=True))
                if place not in places
            ]
            put(deployment.target, *said)
            return ids

        monkeypatch.setattr(DeploymentClient, "send", predict)

    return but_for


def run(*arguments):
    return CliRunner().invoke(main.app, ["smoke", *arguments], catch_exceptions=False)


def promote(target):
    pointer = Pointer("v1", "s3://models/models/v1", "0" * 64)
    target.client("ssm").put_parameter(Name="champion", Value=pointer.to_json(), Type="String")


def test_it_succeeds_when_each_post_was_predicted(target, predicts):
    promote(target)
    predicts()
    result = run()
    assert result.exit_code == 0
    assert result.stdout.startswith("100 of 100 posts were predicted within ")
    assert result.stdout.endswith(": 100 by v1.\n")


def test_it_fails_and_names_the_missing_posts(target, predicts):
    promote(target)
    predicts(3, 97)
    result = run("--wait", "1")
    assert result.exit_code == 1
    assert result.stdout.startswith("98 of 100 posts were predicted within ")
    assert "-003, " in result.stdout
    assert "-097. `stresswatch status` shows" in result.stdout


def test_only_a_few_of_many_missing_posts_are_named(target):
    outcome = send_and_wait(DeploymentClient(target), smoke_posts("run"), 0)
    assert len(outcome.missing) == POSTS
    assert outcome.summary().count(SMOKE_PREFIX) == 5
    assert "-004 and 95 more." in outcome.summary()


def test_earlier_and_unrelated_predictions_are_ignored(target, predicts):
    predicts(0)
    for post_id in (smoke_posts("run")[0].post.post_id, "another"):
        put(target, {"prediction_id": post_id, "post_id": post_id, "model_version": "v0"})
    outcome = send_and_wait(DeploymentClient(target), smoke_posts("run"), 0)
    assert outcome.missing == [f"{SMOKE_PREFIX}run-000"]
    assert outcome.versions == {"v1": 99}


def test_without_a_champion_it_fails_and_sends_nothing(target):
    result = run()
    assert result.exit_code == 1
    assert "No model serves in stresswatch-dev yet" in result.stderr
    kinesis = target.client("kinesis")
    for shard in kinesis.list_shards(StreamName="posts")["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName="posts", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        assert kinesis.get_records(ShardIterator=iterator)["Records"] == []


def test_smoke_test_posts_have_their_own_ids_and_source():
    posts = [labelled.post for labelled in smoke_posts("0a1b2c3d")]
    assert len({post.post_id for post in posts}) == POSTS
    assert all(post.post_id.startswith(f"{SMOKE_PREFIX}0a1b2c3d-") for post in posts)
    assert {post.source for post in posts} == {"smoke"}
