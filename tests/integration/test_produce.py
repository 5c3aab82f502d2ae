"""The command `produce` against Kinesis, on moto."""

import json
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from cli import main
from cli.deployment import target as target_module
from cli.deployment.target import Target
from stresswatch.aws import stack_outputs
from stresswatch.contracts.posts import parse_post


@pytest.fixture
def kinesis(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with mock_aws():
        client = boto3.client("kinesis")
        client.create_stream(StreamName="posts", ShardCount=1)
        target = Target("stresswatch-dev", {stack_outputs.POSTS_STREAM: "posts"}, boto3.client)
        monkeypatch.setattr(target_module, "aws_target", lambda stage: target)
        yield client


def run(*arguments):
    return CliRunner().invoke(main.app, ["produce", *arguments], catch_exceptions=False)


def on_stream(kinesis):
    shard = kinesis.list_shards(StreamName="posts")["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName="posts", ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return kinesis.get_records(ShardIterator=iterator, Limit=10_000)["Records"]


def test_all_posts_of_a_file_are_sent_in_order_keyed_by_id(kinesis):
    lines = [json.dumps({"post_id": f"p{number}", "text": "x"}) for number in range(1200)]
    Path("posts.jsonl").write_text("\n".join(lines))
    result = run("posts.jsonl")
    assert result.exit_code == 0
    assert "1,200 posts sent" in result.stdout
    records = on_stream(kinesis)
    assert [record["Data"].decode() for record in records] == lines
    assert [record["PartitionKey"] for record in records[:2]] == ["p0", "p1"]


def test_csv_rows_are_sent_as_valid_posts(kinesis):
    Path("posts.csv").write_text("post_id,text,sentiment\np1,hello,0.5\np2,again,\n")
    assert run("posts.csv", "--rate", "1000").exit_code == 0
    assert [parse_post(record["Data"]).post_id for record in on_stream(kinesis)] == ["p1", "p2"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text\nhello\nagain\n", "2 posts have no post_id, so row numbers serve as ids"),
        ("post_id,text\np1,hello\n,again\n", "1 post has no post_id, so row numbers"),
        ("id,text\np1,hello\n", "If 'id' holds the ids, rename it to post_id."),
    ],
)
def test_row_numbers_used_as_ids_are_reported(kinesis, content, said):
    Path("posts.csv").write_text(content)
    shown = run("posts.csv").stdout
    assert said in shown
    assert shown.count("row numbers serve as ids") == 1


def test_row_numbers_are_not_mentioned_for_a_file_with_ids(kinesis):
    Path("posts.csv").write_text("post_id,text\np1,hello\n")
    assert "row numbers" not in run("posts.csv").stdout


def test_an_oversized_post_is_saved_and_the_command_fails(kinesis):
    large = json.dumps({"post_id": "large", "text": "x" * 1024 * 1024})
    Path("posts.jsonl").write_text('{"post_id": "a", "text": "x"}\n' + large + "\n")
    result = run("posts.jsonl")
    assert result.exit_code == 1
    assert "1 post was not sent and kept in posts.unsent-1.jsonl." in result.stdout
    assert Path("posts.unsent-1.jsonl").read_text() == large + "\n"
    assert [record["PartitionKey"] for record in on_stream(kinesis)] == ["a"]


def test_all_posts_are_saved_when_the_stream_is_missing(kinesis):
    kinesis.delete_stream(StreamName="posts")
    content = "".join(f'{{"post_id": "{number}", "text": "x"}}\n' for number in range(700))
    Path("posts.jsonl").write_text(content)
    result = run("posts.jsonl")
    assert result.exit_code == 1
    assert "700 posts were not sent and kept in posts.unsent-1.jsonl." in result.stdout
    assert "Sending stopped: " in result.stderr
    assert "ResourceNotFoundException" in result.stderr
    assert Path("posts.unsent-1.jsonl").read_text() == content
