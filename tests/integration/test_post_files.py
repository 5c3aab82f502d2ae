"""All five commands read a file as the same posts, on moto."""

import csv
import gzip
import io
import json
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from rich.console import Console
from typer.testing import CliRunner

from cli import main
from cli.backfill.sources import records_of_file
from cli.data import data_directory
from cli.data.stress.dreaddit import TRAIN_FILE
from cli.deployment import target as target_module
from cli.deployment.target import Target
from cli.post_files import PostFile
from cli.score.inputs import input_at
from stresswatch.aws import stack_outputs
from stresswatch.contracts.labelled_posts import parse_labelled_post
from stresswatch.contracts.posts import parse_post
from tests.conftest import PROJECT

CASES = PROJECT / "tests" / "cases"
FILES = (
    "labels_bool.csv",
    "labels_float.csv",
    "labels_float.jsonl",
    "labels_minimal.csv",
    "labels_string.jsonl",
    "labels_with_dates.csv",
    "labels_word.jsonl",
    "reddit_labelled.jsonl",
)


@pytest.fixture
def target(monkeypatch):
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="training")
        boto3.client("kinesis").create_stream(StreamName="posts", ShardCount=1)
        outputs = {stack_outputs.TRAINING_BUCKET: "training", stack_outputs.POSTS_STREAM: "posts"}
        target = Target("stresswatch-dev", outputs, boto3.client)
        monkeypatch.setattr(target_module, "aws_target", lambda _stage: target)
        yield target


def run(*arguments: str):
    result = CliRunner().invoke(main.app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def produced() -> list[bytes]:
    kinesis = boto3.client("kinesis")
    shard = kinesis.list_shards(StreamName="posts")["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName="posts", ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    answer = kinesis.get_records(ShardIterator=iterator, Limit=10_000)
    return [record["Data"] for record in answer["Records"]]


def lines_below(prefix: str) -> list[bytes]:
    s3 = boto3.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="training", Prefix=prefix)["Contents"]]
    bodies = [s3.get_object(Bucket="training", Key=key)["Body"].read() for key in keys]
    return [line for body in bodies for line in body.splitlines()]


def read_by_each(target: Target, file: Path) -> dict[str, list]:
    run("produce", str(file))
    run("seed", str(file))
    run("label", str(file))
    input_at(Console(quiet=True), target, str(file))
    return {
        "produce": [parse_post(data) for data in produced()],
        "score": [parse_post(line) for line in lines_below("scoring/")],
        "backfill": [parse_post(one.data) for one in records_of_file(PostFile(file))],
        "seed": [parse_labelled_post(line).post for line in lines_below("datasets/base/")],
        "label": [parse_labelled_post(line).post for line in lines_below("labels/")],
    }


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("name", FILES)
def test_every_command_reads_the_same_posts(target, tmp_path, name, packed):
    content = (CASES / name).read_bytes()
    file = tmp_path / "a-name-that-says-nothing.txt"
    file.write_bytes(gzip.compress(content) if packed else content)
    found = read_by_each(target, file)
    posts = found.pop("produce")
    assert posts
    for command, others in found.items():
        assert repr(others) == repr(posts), command


@pytest.mark.parametrize(
    ("file", "given"),
    [("labels_with_dates.csv", "2026-01-05T09:00:00Z"), ("labels_bool.csv", None)],
)
def test_label_dates_are_kept_except_in_base_data(target, file, given):
    run("label", str(CASES / file))
    run("seed", str(CASES / file))
    (label,) = map(parse_labelled_post, lines_below("labels/"))
    (base,) = map(parse_labelled_post, lines_below("datasets/base/"))
    assert label.labelled_at == given or (given is None and label.labelled_at)
    assert base.labelled_at is None


def test_a_file_with_surplus_fields_is_rejected_by_every_command(target):
    for command in ("produce", "seed", "label", "score"):
        arguments = [command, str(CASES / "labels_unquoted_comma.csv")]
        if command == "score":
            with pytest.raises(Exception, match="13 fields where the header has 11"):
                input_at(Console(quiet=True), target, arguments[1])
            continue
        result = CliRunner().invoke(main.app, arguments)
        assert result.exit_code == 1
        assert "line 2: it has 13 fields where the header has 11" in result.stderr
    assert produced() == []
    assert boto3.client("s3").list_objects_v2(Bucket="training")["KeyCount"] == 0


def test_the_handling_of_invalid_rows_is_reported(target, tmp_path):
    file = tmp_path / "posts.jsonl"
    file.write_text('{"text": "a", "created_at": "soon"}\nno post\n')
    shown = run("produce", str(file)).stdout
    assert "1 row is not a post: invalid rows are sent unchanged, and go to quarantine." in shown
    assert "Optional fields that cannot be read were dropped: created_at 1." in shown
    assert produced()[1] == b"no post"


real = data_directory() / TRAIN_FILE


@pytest.fixture(params=["as published", "confidence 0 in every seventh row"])
def published(request, tmp_path):
    if not real.exists():
        pytest.skip(f"STRESSWATCH_DATA_DIR has no {TRAIN_FILE}")
    if request.param == "as published":
        return real, 0
    rows = list(csv.DictReader(io.StringIO(real.read_text(), newline="")))
    for row in rows[::7]:
        row["confidence"] = "0"
    file = tmp_path / TRAIN_FILE
    with file.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file, len(rows[::7])


@pytest.mark.real_posts
def test_the_official_training_file_loads_with_every_command(target, published):
    file, weightless = published
    for command in ("produce", "seed", "label", "score", "backfill"):
        said = run(command, str(file), "--check", "--json").stdout
        assert json.loads(said) == {"posts": 2838, "refused": 0, "reasons": {}}
    shown = run("seed", str(file)).stdout
    assert "2,838 labelled posts, 1,488 of them stressed" in shown
    assert ("have confidence 0" in shown) == bool(weightless)
    base = [parse_labelled_post(line) for line in lines_below("datasets/base/")]
    assert sum(labelled.confidence == 0 for labelled in base) == weightless
    assert "2,838 labels submitted" in run("label", str(file)).stdout
    assert "2,838 posts sent" in run("produce", str(file)).stdout
    input_at(Console(quiet=True), target, str(file))
    assert len(lines_below("scoring/")) == 2838
