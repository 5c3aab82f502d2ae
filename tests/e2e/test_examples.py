"""The producers' examples run unchanged, against Kinesis on this machine."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.load.producer import SHARDS, kinesis
from examples.social_media import feed
from stresswatch.contracts.posts import parse_post

PROJECT = Path(__file__).parents[2]
POSTS = [{"post_id": f"p{number}", "text": f"Sleepless, né? {number}"} for number in range(2)]
LINES = "".join(json.dumps(post, ensure_ascii=False) + "\n" for post in POSTS)


@pytest.fixture(scope="module")
def endpoint():
    with kinesis() as client:
        yield client


@pytest.fixture
def stream(endpoint, request):
    name = request.node.name
    endpoint.create_stream(StreamName=name, ShardCount=SHARDS)
    deadline = time.monotonic() + 300
    while (
        endpoint.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"][
            "StreamStatus"
        ]
        != "ACTIVE"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return name


@pytest.fixture
def run(endpoint, tmp_path):
    def run(*command, **options):
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ
            | {
                "AWS_ENDPOINT_URL": endpoint.meta.endpoint_url,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": endpoint.meta.region_name,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )

    return run


def on_stream(endpoint, stream):
    records = []
    for shard in endpoint.list_shards(StreamName=stream)["Shards"]:
        iterator = endpoint.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records += endpoint.get_records(ShardIterator=iterator, Limit=10_000)["Records"]
    return records


def texts(records):
    return {post.post_id: post.text for post in (parse_post(each["Data"]) for each in records)}


def test_the_aws_cli_example_sends_each_line_as_a_post(endpoint, stream, run):
    done = run("sh", PROJECT / "examples/aws_cli.sh", stream, input=LINES.rstrip())
    assert (done.returncode, done.stderr) == (0, "")
    records = on_stream(endpoint, stream)
    assert texts(records) == {post["post_id"]: post["text"] for post in POSTS}
    assert sorted(done.stdout.split()) == sorted(each["SequenceNumber"] for each in records)


def test_the_boto3_example_sends_each_line_as_a_post(endpoint, stream, run):
    done = run(sys.executable, PROJECT / "examples/boto3_posts.py", stream, input=LINES)
    assert (done.returncode, done.stderr) == (0, "")
    assert texts(on_stream(endpoint, stream)) == {post["post_id"]: post["text"] for post in POSTS}


def test_the_source_sends_each_entry_once_and_resumes(endpoint, stream, run, tmp_path):
    server = feed.serve()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = (
        sys.executable, PROJECT / "examples/social_media/source.py", "--stream", stream,
        "--feed", f"http://127.0.0.1:{server.server_address[1]}/new",
    )  # fmt: skip
    try:
        (tmp_path / "feed.cursor").write_text("t000010")
        first, again = run(*command), run(*command)
    finally:
        server.shutdown()
        server.server_close()
    assert (first.returncode, again.returncode) == (0, 0), first.stderr
    expected = {entry["id"]: entry["body"] for entry in feed.entries()[10:] if entry["body"]}
    assert first.stdout == f"{len(expected)} posts are on the stream.\n"
    assert again.stdout == "0 posts are on the stream.\n"
    records = on_stream(endpoint, stream)
    assert len(records) == len(expected)
    assert texts(records) == expected
    assert "t000050 is not a valid post: text must not be blank" in first.stderr
    assert not any(b"user" in record["Data"] for record in records)


def test_a_failed_send_does_not_move_the_sources_cursor(run, tmp_path):
    server = feed.serve()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        done = run(
            sys.executable, PROJECT / "examples/social_media/source.py", "--stream", "missing",
            "--feed", f"http://127.0.0.1:{server.server_address[1]}/new",
        )  # fmt: skip
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 1
    assert "NotTaken" in done.stderr
    assert not (tmp_path / "feed.cursor").exists()
