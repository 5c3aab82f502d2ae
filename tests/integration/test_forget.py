"""A person's posts are taken out of everything that is kept, and nothing of others with them."""

import base64
import gzip
import io
import itertools
import json
import re
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from rich.console import Console

from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.forget.command import forget
from cli.parallel import WORKERS, in_parallel
from local.event_source_mapping.batching import Answer, Batch, Condition, Discard
from local.event_source_mapping.batching import Record as StreamedRecord
from local.event_source_mapping.invocation import Source, failure_key, failure_record
from stresswatch.contracts.identity import text_digest
from stresswatch.contracts.labelled_posts import LabelledPost, labelled_post_record
from stresswatch.contracts.posts import Post
from stresswatch.contracts.predictions import TEXT_DESCRIPTORS, Prediction, Record, Rejection
from stresswatch.storage import archive, quarantine
from stresswatch.storage.training_sources import BaseSet, Counts, Sources
from stresswatch.versions.shadow import ARCHIVE_PREFIX as SHADOW_PREFIX
from tests.marker import MARKER

KEY = b"k" * 64
THEIRS, OTHERS = "their-post", "other-post"
NOW = datetime.now(UTC)
EVER = (NOW.replace(hour=0, minute=0, second=0), NOW.replace(hour=23, minute=59, second=59))


BUCKETS = ("archive", "quarantine", "training")


@pytest.fixture(scope="module")
def services():
    """The services beside S3, which no test changes: clients take long to make."""
    with mock_aws():
        kinesis, stepfunctions = boto3.client("kinesis"), boto3.client("stepfunctions")
        kinesis.create_stream(StreamName="posts", ShardCount=1)
        machine = stepfunctions.create_state_machine(
            name="retraining",
            roleArn="arn:aws:iam::123456789012:role/retraining",
            definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
        )
        yield {"kinesis": kinesis, "stepfunctions": stepfunctions, "arn": machine}


@pytest.fixture
def kept(services):
    return Kept(services)


class Kept:
    """What the stack keeps, the command that forgets, and what it says."""

    _stacks = itertools.count()

    def __init__(self, services):
        self.s3 = boto3.client("s3")
        stack = next(self._stacks)
        self.buckets = {name: f"{name}-{stack}" for name in BUCKETS}
        for bucket in self.buckets.values():
            self.s3.create_bucket(Bucket=bucket)
        outputs = {f"{name.title()}BucketName": bucket for name, bucket in self.buckets.items()}
        outputs |= {
            "PostsStreamName": "posts",
            "RetrainingStateMachineArn": services["arn"]["stateMachineArn"],
        }
        self.clients = {**services, "s3": self.s3}
        self.target = Target("stresswatch-dev", outputs, lambda name: self.clients[name])

    def put(self, bucket, key, body):
        self.s3.put_object(Bucket=self.buckets[bucket], Key=key, Body=body)

    def keys(self, bucket) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.buckets[bucket])
        return [item["Key"] for item in found.get("Contents", [])]

    def body(self, bucket, key) -> bytes:
        return self.s3.get_object(Bucket=self.buckets[bucket], Key=key)["Body"].read()

    def forget(self, *post_ids, execute=True, width=200) -> str:
        shown = io.StringIO()
        console = Console(file=shown, width=width)
        try:
            forget(console, self.target, post_ids or [THEIRS], execute=execute)
        finally:
            self.shown = shown.getvalue()
        return self.shown

    def archive(self, *post_ids, first="1", prefix=archive.PREFIX):
        """Archive a batch of predictions, as the predictor does."""
        batch = [record(str(int(first) + place)) for place in range(len(post_ids))]
        predictions = [
            Prediction(
                one.prediction_id,
                Post(post_id, MARKER, (1.0,) * 5),
                0.5,
                (0.0,) * len(TEXT_DESCRIPTORS),
                "v1",
                NOW.isoformat(),
                text_digest=text_digest(KEY, post_id),
            )
            for one, post_id in zip(batch, post_ids, strict=True)
        ]
        archive.write(self.s3, self.buckets["archive"], batch, predictions, prefix)
        return [one.archive_row() for one in predictions]

    def archived(self) -> list[str]:
        """The post ids of what the archive's reader returns."""
        return sorted(
            row["post_id"] for row in archive.read(self.s3, self.buckets["archive"], *EVER)
        )

    def quarantine(self, data: bytes, sequence_number="1"):
        rejection = Rejection(record(sequence_number, data), "text_empty", "a test")
        quarantine.write(self.s3, self.buckets["quarantine"], [rejection])
        return quarantine.key(rejection)

    def give_up(self, *records: bytes) -> str:
        """Give up a batch, as the event source mapping does."""
        batch = Batch(
            tuple(
                StreamedRecord(str(place), "key", data, NOW.timestamp())
                for place, data in enumerate(records, start=1)
            ),
            last_answer=Answer(None, "Unhandled"),
        )
        source = Source("arn:aws:kinesis:us-east-1:1:stream/posts", "shardId-0", "arn:role")
        discard = Discard(batch, Condition.RETRIES_EXHAUSTED)
        body = failure_record(discard, source, "arn:function", NOW.timestamp())
        key = failure_key("mapping", "shardId-0", NOW.timestamp(), uuid.uuid4())
        self.put("quarantine", key, json.dumps(body).encode())
        return key

    def lines(self, key) -> list[dict]:
        return list(map(json.loads, self.body("training", key).splitlines()))

    def everything(self) -> dict[str, bytes]:
        """Every version of every object."""
        return {
            f"{bucket}/{one['Key']}/{one['VersionId']}": self.s3.get_object(
                Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"]
            )["Body"].read()
            for bucket in self.buckets.values()
            for one in self.s3.list_object_versions(Bucket=bucket).get("Versions", [])
        }

    def before(self, operation, do):
        """Do something before each call of an operation on S3, given its request."""

        def hear(params, **_):
            do(params)  # what it gives would take the request's place

        self.s3.meta.events.register(f"provide-client-params.s3.{operation}", hear)


def record(sequence_number, data=b"") -> Record:
    return Record(data, "posts", "shardId-0", sequence_number, NOW.timestamp())


def line(post_id, **fields) -> bytes:
    labelled = LabelledPost(Post(post_id, f"words and {MARKER}", (1.0,) * 5), 1)
    return json.dumps(labelled_post_record(labelled) | fields).encode() + b"\n"


def post(post_id=THEIRS, **fields) -> bytes:
    return json.dumps({"post_id": post_id, "text": f"words and {MARKER}"} | fields).encode()


def holding(kept, post_id) -> list[str]:
    """The versions of objects in which the id can be found, plain, in base64 or compressed."""
    encoded = [base64.b64encode(b"." * before + post_id.encode())[4:-4] for before in range(3)]

    def holds(body):
        plain = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
        return any(form in plain for form in [post_id.encode(), *encoded])

    return [name for name, body in kept.everything().items() if holds(body)]


def fill(kept):
    """Put a record of the person, beside one of somebody else's, wherever there may be one."""
    kept.archive(OTHERS, THEIRS)
    kept.quarantine(post(text=" "), "11")
    kept.quarantine(post(OTHERS, text=" "), "12")
    kept.give_up(post(), post(OTHERS))
    kept.put("training", "labels/1.jsonl", line(OTHERS) + line(THEIRS))
    kept.put("training", "datasets/base/posts.jsonl", line(THEIRS) + line(OTHERS))
    kept.put("training", "datasets/v1/posts.jsonl", line(OTHERS) + line(THEIRS))
    rows = b"".join(json.dumps({"post_id": name}).encode() + b"\n" for name in (OTHERS, THEIRS))
    kept.put("archive", "backfills/b/part-00000.jsonl.gz", gzip.compress(rows))
    kept.put("training", "scoring/posts.jsonl", line(THEIRS) + line(OTHERS))


PLACES = (
    "quarantine",
    "failed batches",
    "labels",
    "base data and training sets",
    "files to score and results",
    "archive",
    "backfills",
)


def counted(shown) -> dict[str, int]:
    """The first figure of each place in the table."""
    found = {name: re.search(rf"│ {name}\s*│\s*([\d,]+) │", shown) for name in PLACES}
    return {name: int(match[1].replace(",", "")) for name, match in found.items()}


def test_nothing_of_a_person_is_left_anywhere_and_all_of_the_others(kept):
    fill(kept)
    others = len(holding(kept, OTHERS))
    shown = kept.forget()
    assert holding(kept, THEIRS) == []
    assert len(holding(kept, OTHERS)) == others == 8
    assert kept.archived() == [OTHERS]
    assert counted(shown) == dict.fromkeys(PLACES, 1) | {"base data and training sets": 2}


def test_the_digest_of_a_text_goes_with_its_row_and_is_nowhere_else(kept):
    kept.archive(OTHERS, THEIRS)
    kept.archive(OTHERS, THEIRS, first="5", prefix=SHADOW_PREFIX)
    digests = [text_digest(KEY, post_id) for post_id in (OTHERS, THEIRS)]
    assert [len(holding(kept, digest)) for digest in digests] == [2, 2]
    kept.forget()
    assert [len(holding(kept, digest)) for digest in digests] == [2, 0]


def test_a_dry_run_counts_the_same_and_changes_nothing(kept):
    fill(kept)
    before = kept.everything()
    shown = kept.forget(execute=False)
    assert kept.everything() == before
    assert counted(shown) == dict.fromkeys(PLACES, 1) | {"base data and training sets": 2}
    assert "Nothing was removed yet; to remove it, add --execute." in shown


def test_what_a_training_set_is_made_of_names_nobody_and_stays(kept):
    fill(kept)
    made = Sources(Counts(2, 1), 0, {"posts": BaseSet(2, "2026-11-23T00:00:00+00:00")}, 0)
    kept.put("training", "datasets/v1/sources.json", made.to_bytes())
    shown = kept.forget()
    assert kept.body("training", "datasets/v1/sources.json") == made.to_bytes()
    assert "nobody can tell" not in shown


def test_what_it_says_holds_no_text(kept):
    fill(kept)
    assert MARKER not in kept.forget(execute=False) + kept.forget()


def test_several_ids_are_forgotten_at_once_and_unknown_ones_are_named(kept):
    kept.archive("a", "b", "c")
    shown = kept.forget("a", "b", "typo")
    assert kept.archived() == ["c"]
    assert counted(shown)["archive"] == 2
    assert "Nothing was found of 'typo'." in shown


@pytest.mark.parametrize("typed", ["7", "7.0", " 7\n"])
def test_an_id_is_forgotten_however_it_is_written(kept, typed):
    kept.archive("7", "7.0", " 7 ", "77", "7.5")
    shown = kept.forget(typed)
    assert kept.archived() == ["7.5", "77"]
    assert "Nothing was found" not in shown


def test_an_object_keeps_what_it_says_of_itself(kept):
    kept.archive(THEIRS, OTHERS)
    (key,) = kept.keys("archive")
    kept.forget()
    head = kept.s3.head_object(Bucket=kept.buckets["archive"], Key=key)
    assert (head["ContentType"], head["ContentEncoding"]) == ("application/x-ndjson", "gzip")


def test_an_emptied_archive_object_stays_for_whoever_is_about_to_read_it(kept):
    kept.archive(THEIRS, THEIRS)
    keys = kept.keys("archive")
    kept.forget()
    assert kept.keys("archive") == keys
    assert kept.archived() == []


def test_what_cannot_be_read_at_all_is_left_counted_and_holds_nothing_up(kept):
    kept.put("archive", "predictions/date=2020-01-01/hour=00/a.jsonl.gz", b"\x1f\x8bcut")
    kept.put("quarantine", "quarantine/date=2020-01-01/a.json", b"[]")
    kept.put("quarantine", "aws/lambda/a", b'{"payload": "[]"}')
    before = kept.everything()
    kept.archive(THEIRS)
    shown = kept.forget()
    assert before.items() <= kept.everything().items()
    assert kept.archived() == []
    assert len(re.findall(r"│\s+1 │$", shown, re.MULTILINE)) == 3


def version(kept, bucket, *bodies, key="labels/1.jsonl"):
    status = {"Status": "Enabled"}
    kept.s3.put_bucket_versioning(Bucket=kept.buckets[bucket], VersioningConfiguration=status)
    for body in bodies:
        kept.put(bucket, key, body)


def test_old_versions_go_where_somebody_keeps_them(kept):
    kept.put("training", "labels/1.jsonl", line(THEIRS))
    version(kept, "training", line(THEIRS) + line(OTHERS), line(OTHERS), line(OTHERS, n=1))
    kept.s3.delete_object(Bucket=kept.buckets["training"], Key="labels/1.jsonl")
    version(kept, "training", line(THEIRS) + line("third"), key="labels/2.jsonl")
    shown = kept.forget()
    assert holding(kept, THEIRS) == []
    assert len(holding(kept, OTHERS)) == 2
    assert kept.lines("labels/2.jsonl")[0]["post_id"] == "third"
    assert re.search(r"│ labels\s+│\s+1 │\s+2 │", shown)


def test_a_reader_sees_every_prediction_of_others_at_each_moment(kept):
    for first in range(0, 40, 4):
        kept.archive(*[OTHERS] * 3, THEIRS, first=str(first))
    seen = []

    def look(request):
        seen.append(kept.archived().count(OTHERS))

    for operation in ("PutObject", "DeleteObject"):
        kept.before(operation, look)
    kept.forget()
    look(None)
    assert seen == [30] * 11
    assert kept.archived().count(THEIRS) == 0


@pytest.mark.parametrize("done", [0, 1, 5])
def test_it_can_be_stopped_at_any_write_and_repeated(kept, done):
    fill(kept)
    others = len(holding(kept, OTHERS))
    writes, is_stopping = itertools.count(), True

    def stop(request):
        if is_stopping and next(writes) >= done:
            raise KeyboardInterrupt

    for operation in ("PutObject", "DeleteObject"):
        kept.before(operation, stop)
    with pytest.raises(KeyboardInterrupt):
        kept.forget()
    assert sum(counted(kept.shown).values()) == done
    is_stopping = False
    kept.forget()
    assert holding(kept, THEIRS) == []
    assert len(holding(kept, OTHERS)) == others


@pytest.mark.parametrize("before", [0, 1])
def test_what_is_written_while_it_runs_is_not_missed(kept, before):
    """An object that comes when its prefix was listed already, and is found by no single sweep."""
    kept.put("archive", "backfills/last/part-00000.jsonl.gz", line(OTHERS))
    if before:
        fill(kept)
    late = iter([True])

    def write_late(request):
        if request["Key"].startswith("backfills/last") and next(late, False):
            kept.quarantine(post(), "99")
            kept.archive(THEIRS, first="99")

    kept.before("GetObject", write_late)
    shown = kept.forget()
    assert holding(kept, THEIRS) == []
    assert counted(shown)["quarantine"] == before + 1
    assert re.search(r"Whatever was written before 20\S+ \S+ UTC was looked at\.", shown)


def test_if_it_keeps_coming_that_is_said(kept):
    numbers = iter(range(100, 200))
    kept.before("GetObject", lambda request: kept.archive(THEIRS, first=str(next(numbers))))
    kept.archive(THEIRS)
    with pytest.raises(OperatorError, match="stop whoever sends these posts"):
        kept.forget()


def test_a_file_that_is_replaced_meanwhile_loses_nothing_that_is_new(kept):
    kept.put("training", "labels/1.jsonl", line(THEIRS))
    newer = iter([line(OTHERS) + line(THEIRS)])

    def replace(request):
        if "IfMatch" in request and (body := next(newer, None)):
            kept.put("training", "labels/1.jsonl", body)

    kept.before("PutObject", replace)
    kept.forget()
    assert [one["post_id"] for one in kept.lines("labels/1.jsonl")] == [OTHERS]


def test_a_file_that_is_deleted_meanwhile_does_not_come_back(kept):
    kept.put("training", "labels/1.jsonl", line(THEIRS) + line(OTHERS))

    def delete(request):
        kept.s3.delete_object(Bucket=kept.buckets["training"], Key="labels/1.jsonl")

    kept.before("PutObject", delete)
    kept.forget()
    assert kept.keys("training") == []


def test_two_who_forget_at_once_do_not_bring_back_what_the_other_removed(kept):
    kept.archive("a", "b", "c")
    others_turn = iter([True])

    def forget_the_other(request):
        if next(others_turn, False):
            kept.forget("b")

    kept.before("PutObject", forget_the_other)
    kept.forget("a")
    assert kept.archived() == ["c"]


def test_what_it_cannot_reach_is_said(kept):
    kept.put("training", "datasets/v1/posts.jsonl", line(THEIRS))
    kept.put("training", "datasets/v2/posts.jsonl", line(OTHERS))
    kept.put("training", "datasets/base/posts.jsonl", line(THEIRS))
    shown = kept.forget()
    assert "Streams keep records for 24 h" in shown
    assert "Models that learned from it: v1. Retrain." in shown
    assert "A retraining runs" not in shown


def test_a_retraining_that_runs_is_named_as_it_may_have_read_already(kept):
    running = {"executions": [{"status": "RUNNING"}]}
    kept.clients["stepfunctions"] = SimpleNamespace(list_executions=lambda **_: running)
    assert "run this again when it ended" in kept.forget(execute=False)


def test_a_stranger_finds_nothing_and_is_told_so(kept):
    shown = kept.forget("nobody")
    assert counted(shown) == dict.fromkeys(PLACES, 0)
    assert "Nothing was found of 'nobody'." in shown


@pytest.mark.parametrize("post_id", ["", "x" * 257])
def test_what_is_no_id_is_refused_before_anything_is_read(kept, post_id):
    with pytest.raises(OperatorError, match="1 to 256 characters"):
        kept.forget(post_id)


def test_a_missing_permission_ends_it_and_says_what_was_removed(kept):
    fill(kept)

    def deny(request):
        if request["Bucket"] == kept.buckets["archive"]:
            error = {"Error": {"Code": "AccessDenied", "Message": "no s3:GetObjectVersion"}}
            raise ClientError(error, "GetObject")

    kept.before("GetObject", deny)
    with pytest.raises(ClientError, match="AccessDenied"):
        kept.forget()
    assert counted(kept.shown)["labels"] == 1
    assert counted(kept.shown)["archive"] == 0


def test_what_is_listed_and_not_done_yet_does_not_grow_with_the_bucket(kept):
    done, most = set(), 0

    def listed():
        nonlocal most
        for number in range(500):
            most = max(most, number - len(done))
            yield [number]

    assert sum(in_parallel(lambda versions: done.add(versions[0]) or True, listed())) == 500
    assert most <= 4 * WORKERS


@pytest.mark.parametrize("width", [20, 40])
def test_a_narrow_terminal_is_no_obstacle(kept, width):
    fill(kept)
    assert all(len(line) <= width for line in kept.forget(width=width).splitlines())


def test_of_several_people_in_one_quarantined_record_the_others_stay(kept):
    key = kept.quarantine(b'[{"post_id":"other-post", "text":" "},%s]' % post())
    assert counted(kept.forget())["quarantine"] == 1
    entry = json.loads(kept.body("quarantine", key))
    assert base64.b64decode(entry["payload_base64"]) == b'[{"post_id":"other-post", "text":" "}]'
    assert entry["reason"] == "text_empty"


@pytest.mark.parametrize(
    ("bucket", "key", "body"),
    [
        ("training", "labels/a.jsonl.gz", gzip.compress(line(THEIRS) + line(OTHERS))),
        ("training", "labels/a.csv", b"Post_ID,text\ntheir-post,words\nother-post,words\n"),
        ("training", "datasets/base/a.json", b"[%s, %s]" % (post(), post(OTHERS))),
        ("training", "scoring/a.csv", b"post_id;text\ntheir-post;a\nother-post;a\n"),
        ("training", "scoring/a.jsonl.scored/v1/part-000000.jsonl.gz", line(THEIRS)),
    ],
)
def test_a_file_that_somebody_put_there_by_hand_is_looked_into(kept, bucket, key, body):
    kept.put(bucket, key, body)
    kept.forget()
    assert holding(kept, THEIRS) == []
    assert len(holding(kept, OTHERS)) == (OTHERS.encode() in body or body[:2] == b"\x1f\x8b")


def test_a_record_without_an_owner_is_placed_without_its_text(kept):
    key = kept.quarantine(b"%s, no JSON" % MARKER.encode())
    shown = kept.forget(execute=False)
    assert f"- s3://{kept.buckets['quarantine']}/{key}: 1" in shown
    assert "1 record stays, as the owner is unknown" in shown
    assert MARKER not in shown


def test_of_many_objects_without_an_owner_the_first_are_told(kept):
    for number in range(13):
        kept.quarantine(b"no JSON", str(number))
    shown = kept.forget()
    assert "13 records stay, as the owner is unknown" in shown
    assert "- and 3 more objects" in shown
