"""Historical posts are scored with a named version, and live data stays untouched."""

import base64
import errno
import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from rich.console import Console

import lambdas.predictor.handler as predictor_module
from cli.backfill import outputs
from cli.backfill.backfill_posts import backfill
from cli.backfill.scoring import load_version, score
from cli.deployment.target import Target
from cli.errors import OperatorError
from lambdas.predictor.handler import handler
from stresswatch.aws import stack_outputs
from stresswatch.contracts.posts import post_record
from stresswatch.contracts.predictions import Record
from stresswatch.storage import archive
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, ENVIRONMENT, Aws
from tests.marker import MARKER

POSTS = [post_record(labelled.post) for labelled in make_posts(30, seed=51)]
INVALID = [
    json.dumps({"post_id": "a", "text": " ", "title": MARKER}).encode(),
    b'{"text": "' + MARKER.encode(),
    b'{"text": "' + MARKER.encode(),
]


@pytest.fixture(scope="module")
def aws(version_files):
    """The resources with a posts stream and a champion v1, for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        predictor_module.predictor.cache_clear()
        made = Aws()
        made.promote("v1", version_files)
        made.kinesis.create_stream(StreamName="posts", ShardCount=2)
        yield made
        predictor_module.predictor.cache_clear()


@pytest.fixture
def stack(aws):
    return Stack(aws)


class Stack:
    def __init__(self, aws):
        self.aws = aws
        outputs = {
            f"{name.title()}BucketName": f"{name}s" if name == "model" else name
            for name in ("archive", "quarantine", "training", "model")
        }
        self.target = Target(
            "stresswatch-dev",
            outputs | {stack_outputs.POSTS_STREAM: "posts"},
            lambda service: getattr(aws, service),
        )

    def backfill(self, source, out, version="v1", width=200) -> str:
        self.shown = io.StringIO()
        console = Console(file=self.shown, width=width)
        backfill(console, self.target, version, source, str(out), sleep=lambda _: None)
        return self.shown.getvalue()

    def live(self):
        """Return live data: archive, stream, pointer and quarantine."""
        keys = self.aws.keys("archive", "predictions/")
        objects = {key: self.aws.body("archive", key) for key in keys}
        return objects, self.aws.predictions(), self.aws.pointer(), self.aws.keys("quarantine")


def write(folder, *lines) -> Path:
    file = folder / "posts.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    return file


def encoded(posts=POSTS) -> list[bytes]:
    return [json.dumps(post).encode() for post in posts]


def rows(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_a_file_is_scored_as_by_the_predictor(stack, tmp_path):
    start = datetime.now(UTC)
    serve(stack, encoded())
    out = tmp_path / "out.jsonl"
    stack.backfill(write(tmp_path, *encoded()), out)
    served = archive.read(stack.aws.s3, "archive", start, datetime.now(UTC))
    assert len(served) == len(POSTS)
    of_served = {row["post_id"]: what_was_said(row) for row in served}
    assert {row["post_id"]: what_was_said(row) for row in rows(out)} == of_served


def what_was_said(row):
    # A backfill lacks the key for the digest.
    leaves_out = {"prediction_id", "predicted_at", "text_digest"}
    return {name: row[name] for name in row.keys() - leaves_out}


def serve(stack, payloads):
    """Put records on the posts stream, and show them to the predictor; return their positions."""
    sent = stack.aws.kinesis.put_records(
        StreamName="posts",
        Records=[{"PartitionKey": str(n), "Data": data} for n, data in enumerate(payloads)],
    )["Records"]
    event = [
        {
            "eventID": f"{place['ShardId']}:{place['SequenceNumber']}",
            "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/posts",
            "kinesis": {
                "data": base64.b64encode(data).decode(),
                "sequenceNumber": place["SequenceNumber"],
                "approximateArrivalTimestamp": datetime.now(UTC).timestamp(),
            },
        }
        for place, data in zip(sent, payloads, strict=True)
    ]
    assert handler({"Records": event}, CONTEXT) == {"batchItemFailures": []}


def test_a_stream_range_reproduces_the_archived_rows(stack, tmp_path):
    start = datetime.now(UTC)
    serve(stack, encoded())
    out = tmp_path / "out.jsonl"
    stack.backfill((start, datetime.now(UTC)), out)
    served = archive.read(stack.aws.s3, "archive", start, datetime.now(UTC))
    assert len(served) == len(POSTS)
    as_served = {row["prediction_id"]: what_was_said(row) for row in served}
    assert {row["prediction_id"]: what_was_said(row) for row in rows(out)} == as_served


def test_live_data_stays_unchanged(stack, tmp_path, version_files):
    publish(stack, "v0", version_files)
    start = datetime.now(UTC)
    serve(stack, encoded())
    before = stack.live()
    file = write(tmp_path, *encoded(), *INVALID)
    stack.backfill(file, tmp_path / "out.jsonl", version="v0")
    stack.backfill(file, "s3://archive/backfills/of-v0/", version="v0")
    stack.backfill((start, datetime.now(UTC)), tmp_path / "range.jsonl")
    assert len(rows(tmp_path / "range.jsonl")) == len(POSTS)
    assert stack.live() == before
    assert {row["model_version"] for row in rows(tmp_path / "out.jsonl")} == {"v0"}


def test_invalid_records_are_counted_and_located_without_text(stack, tmp_path):
    out = tmp_path / "out.jsonl"
    shown = stack.backfill(write(tmp_path, INVALID[0], *encoded(), *INVALID[1:]), out)
    assert len(rows(out)) == len(POSTS)
    assert "text_empty      │ 1       │ file 1 " in shown
    assert "not_json        │ 2       │ file 32 " in shown
    stressed = sum(row["stressed"] for row in rows(out))
    assert (
        f"30 posts scored by v1, {stressed} of them stressed; invalid: 3. "
        f"The predictions are in {out}." in shown
    )
    assert MARKER not in shown + out.read_text()


def test_a_file_of_only_invalid_records_is_an_error(stack, tmp_path):
    with pytest.raises(OperatorError, match="holds no post: every row is invalid"):
        stack.backfill(write(tmp_path, *INVALID), tmp_path / "out.jsonl")


def test_a_csv_is_read_as_produce_reads_it(stack, tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("post_id,text,sentiment\na,some words,0.5\nb,other words,\n")
    stack.backfill(file, tmp_path / "out.jsonl")
    assert [(row["post_id"], row["sentiment"]) for row in rows(tmp_path / "out.jsonl")] == [
        ("a", 0.5),
        ("b", None),
    ]


def test_an_output_file_ending_in_gz_is_compressed(stack, tmp_path):
    out = tmp_path / "out.jsonl.gz"
    stack.backfill(write(tmp_path, *encoded()), out)
    assert len(gzip.decompress(out.read_bytes()).splitlines()) == len(POSTS)


def test_a_failed_backfill_leaves_no_output_file(stack, tmp_path):
    file = write(tmp_path, *encoded())
    file.write_bytes(file.read_bytes() + b"\n")
    (tmp_path / "broken.csv").write_bytes(b"post_id,text\na,words\nb,\xff\n")
    with pytest.raises(OperatorError, match="not UTF-8"):
        stack.backfill(tmp_path / "broken.csv", tmp_path / "out.jsonl")
    assert {path.name for path in tmp_path.iterdir()} == {"posts.jsonl", "broken.csv"}


def test_an_existing_output_or_missing_folder_is_rejected(stack, tmp_path):
    file = write(tmp_path, *encoded())
    with pytest.raises(OperatorError, match="exists already; give another --out"):
        stack.backfill(file, file)
    with pytest.raises(OperatorError, match=r"nowhere does not exist; make it"):
        stack.backfill(file, tmp_path / "nowhere" / "out.jsonl")
    stack.aws.put("archive", "backfills/taken/part-00000.jsonl.gz", b"")
    with pytest.raises(OperatorError, match="already holds objects"):
        stack.backfill(file, "s3://archive/backfills/taken")


def test_a_partial_file_is_removed_when_the_disk_is_full(tmp_path):
    def fail():
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        pytest.raises(OSError, match="No space left"),
        outputs.FileOutput(tmp_path / "out.jsonl") as output,
    ):
        output._files.callback(fail)
    assert list(tmp_path.iterdir()) == []


def test_a_second_backfill_to_the_same_file_is_rejected(stack, tmp_path):
    partial = tmp_path / "out.jsonl.partial"
    partial.write_bytes(b"another's")
    with pytest.raises(OperatorError, match="another backfill is writing it, or one was killed"):
        stack.backfill(write(tmp_path, *encoded()), tmp_path / "out.jsonl")
    assert partial.read_bytes() == b"another's"


def test_a_prefix_receives_parts_and_a_summary(stack, tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "_LINES_A_PART", 12)
    stack.backfill(write(tmp_path, *encoded(), *INVALID), "s3://archive/backfills/x/")
    parts = [f"backfills/x/part-0000{number}.jsonl.gz" for number in range(3)]
    assert stack.aws.keys("archive", "backfills/x/") == [*parts, "backfills/x/summary.json"]
    lines = [gzip.decompress(stack.aws.body("archive", key)).splitlines() for key in parts]
    assert [len(part) for part in lines] == [12, 12, 6]
    written = [json.loads(line)["post_id"] for part in lines for line in part]
    assert written == [post["post_id"] for post in POSTS]
    summary = json.loads(stack.aws.body("archive", "backfills/x/summary.json"))
    assert summary["posts"] == 30
    assert summary["invalid"] == {"text_empty": 1, "not_json": 2}


def test_a_second_backfill_to_the_same_prefix_is_rejected(stack, tmp_path):
    def overtake(params, **_):
        stack.aws.s3.meta.events.unregister("provide-client-params.s3.PutObject", overtake)
        stack.aws.put("archive", "backfills/shared/part-00000.jsonl.gz", b"another's")

    stack.aws.s3.meta.events.register("provide-client-params.s3.PutObject", overtake)
    with pytest.raises(OperatorError, match="written by another backfill"):
        stack.backfill(write(tmp_path, *encoded()), "s3://archive/backfills/shared")
    assert stack.aws.keys("archive", "backfills/shared/") == [
        "backfills/shared/part-00000.jsonl.gz"
    ]


def test_a_missing_version_is_reported_with_the_newest_ones(stack, tmp_path):
    for version in ("v2", "v3"):
        stack.aws.put("models", f"models/{version}/verdict.json", b"{}")
    with pytest.raises(OperatorError, match=r"no version v9; the newest are v3, v2\."):
        stack.backfill(write(tmp_path, *encoded()), tmp_path / "out.jsonl", version="v9")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.npz", b"altered", "is not the file that the manifest names; nothing was scored"),
        ("manifest.json", b"{}", "cannot be read: .*; nothing was scored"),
    ],
)
def test_an_altered_version_is_rejected(stack, tmp_path, version_files, name, content, said):
    publish(stack, "v4", version_files)
    stack.aws.put("models", f"models/v4/{name}", content)
    with pytest.raises(OperatorError, match=said):
        stack.backfill(write(tmp_path, *encoded()), tmp_path / "out.jsonl", version="v4")
    assert not (tmp_path / "out.jsonl").exists()


def test_a_manifest_of_another_version_is_rejected(stack, tmp_path, version_files):
    stack.aws.publish("v5", version_files)
    with pytest.raises(OperatorError, match="is not the file that the manifest names"):
        stack.backfill(write(tmp_path, *encoded()), tmp_path / "out.jsonl", version="v5")


def publish(stack, version, version_files):
    manifest = json.loads(version_files["manifest.json"]) | {"version": version}
    files = version_files | {"manifest.json": json.dumps(manifest).encode()}
    stack.aws.publish(version, files)


def test_posts_beyond_the_streams_retention_are_reported(stack, tmp_path):
    now = datetime.now(UTC)
    span = (now - timedelta(days=3), now - timedelta(days=2))
    shown = stack.backfill(span, tmp_path / "out.jsonl")
    assert "The stream keeps posts for 24 h: those before" in shown
    assert "0 posts scored by v1" in shown
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_posts_are_scored_in_batches_of_500(stack):
    taken = 0

    def endless():
        nonlocal taken
        for taken in range(1, 10_001):
            yield Record(encoded()[0], "posts.jsonl", "file", str(taken), 0.0)

    scored = score(endless(), load_version(stack.target, "v1"))
    assert len(next(scored).predictions) == taken == 500


def test_a_failed_upload_leaves_no_summary(stack, tmp_path, monkeypatch):
    def deny(params, **_):
        if params["Key"].startswith("backfills/denied/part-00001"):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "PutObject")

    stack.aws.s3.meta.events.register("provide-client-params.s3.PutObject", deny)
    monkeypatch.setattr(outputs, "_LINES_A_PART", 12)
    with pytest.raises(ClientError, match="AccessDenied"):
        stack.backfill(write(tmp_path, *encoded()), "s3://archive/backfills/denied")
    kept = stack.aws.keys("archive", "backfills/denied/")
    assert kept == ["backfills/denied/part-00000.jsonl.gz"]


@pytest.mark.parametrize("width", [20, 40])
def test_output_fits_a_narrow_terminal(stack, tmp_path, width, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = stack.backfill(write(tmp_path, *encoded(), *INVALID), "out.jsonl", width=width)
    table = [line for line in shown.splitlines() if line.startswith(tuple("┏┡│└┃"))]
    assert table
    assert all(len(line) <= width for line in table)
