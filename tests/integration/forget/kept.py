"""Buckets with records of two people, and the command that removes one person's."""

import base64
import gzip
import io
import itertools
import json
import re
import uuid
from datetime import UTC, datetime

import boto3
from rich.console import Console

from cli.deployment.target import Target
from cli.forget.forget_posts import forget
from local.event_source_mapping.batching import (
    Batch,
    Condition,
    Discard,
    InvocationResult,
    ShardRecord,
)
from local.event_source_mapping.invocation import Source, failure_key, failure_record
from stresswatch.aws import stack_outputs
from stresswatch.contracts.identity import text_digest
from stresswatch.contracts.labelled_posts import LabelledPost, labelled_post_record
from stresswatch.contracts.posts import Post
from stresswatch.contracts.predictions import TEXT_DESCRIPTORS, Prediction, Record, Rejection
from stresswatch.contracts.sampling import Draw, SampleKind
from stresswatch.storage import archive, label_queue, quarantine
from tests.marker import MARKER

KEY = b"k" * 64
THEIRS, OTHERS = "their-post", "other-post"
NOW = datetime.now(UTC)
EVER = (NOW.replace(hour=0, minute=0, second=0), NOW.replace(hour=23, minute=59, second=59))


BUCKETS = ("archive", "label-queue", "quarantine", "training")
WORKFLOWS = (stack_outputs.MONITORING_STATE_MACHINE, stack_outputs.RETRAINING_STATE_MACHINE)


class Kept:
    """The stack's data, the command `forget`, and its output."""

    _stacks = itertools.count()

    def __init__(self, services):
        self.s3 = boto3.client("s3")
        stack = next(self._stacks)
        self.buckets = {name: f"{name}-{stack}" for name in BUCKETS}
        for bucket in self.buckets.values():
            self.s3.create_bucket(Bucket=bucket)
        outputs = {
            f"{name.title().replace('-', '')}BucketName": bucket
            for name, bucket in self.buckets.items()
        }
        outputs |= {
            stack_outputs.POSTS_STREAM: "posts",
            **dict.fromkeys(WORKFLOWS, services["arn"]["stateMachineArn"]),
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
        batch, predictions = predicted(post_ids, int(first))
        archive.write(self.s3, self.buckets["archive"], batch, predictions, prefix)
        return [one.archive_row() for one in predictions]

    def queue(self, *post_ids):
        """Put sampled posts into the label queue, as the predictor does."""
        label_queue.write(self.s3, self.buckets["label-queue"], *predicted(post_ids))

    def queued(self) -> list[str]:
        """The ids of the posts that wait for a label."""
        found = label_queue.read(self.s3, self.buckets["label-queue"])
        return sorted(one.post.post_id for one in found)

    def archived(self) -> list[str]:
        """Return the post ids in the archive reader's rows."""
        return sorted(
            row["post_id"] for row in archive.read(self.s3, self.buckets["archive"], *EVER)
        )

    def quarantine(self, data: bytes, sequence_number="1"):
        rejection = Rejection(record(sequence_number, data), "text_empty", "a test")
        quarantine.write(self.s3, self.buckets["quarantine"], [rejection])
        return quarantine.key(rejection)

    def give_up(self, *records: bytes) -> str:
        """Discard a batch, as the event source mapping does."""
        batch = Batch(
            tuple(
                ShardRecord(str(place), "key", data, NOW.timestamp())
                for place, data in enumerate(records, start=1)
            ),
            last_answer=InvocationResult(None, "Unhandled"),
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
            do(params)  # its return value would replace the request

        self.s3.meta.events.register(f"provide-client-params.s3.{operation}", hear)


def record(sequence_number, data=b"") -> Record:
    return Record(data, "posts", "shardId-0", sequence_number, NOW.timestamp())


def predicted(post_ids, first=1) -> tuple[list[Record], list[Prediction]]:
    """Records of posts, and their predictions, all of which were sampled for labelling."""
    batch = [record(str(first + place)) for place in range(len(post_ids))]
    predictions = [
        Prediction(
            one.prediction_id,
            Post(post_id, MARKER, (1.0,) * 5),
            0.5,
            (0.0,) * len(TEXT_DESCRIPTORS),
            "v1",
            NOW.isoformat(),
            text_digest=text_digest(KEY, post_id),
            draw=Draw(0.5, 1.0, SampleKind.RANDOM),
        )
        for one, post_id in zip(batch, post_ids, strict=True)
    ]
    return batch, predictions


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
    """Put a record of the person, and another person's, in every place that may have one."""
    kept.archive(OTHERS, THEIRS)
    kept.queue(OTHERS, THEIRS)
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
    "label queue",
    "labels",
    "base data and training sets",
    "files to score and results",
    "archive",
    "backfills",
)


def counted(shown) -> dict[str, int]:
    """The first number of each place in the table."""
    found = {name: re.search(rf"│ {name}\s*│\s*([\d,]+) │", shown) for name in PLACES}
    return {name: int(match[1].replace(",", "")) for name, match in found.items()}


def version(kept, bucket, *bodies, key="labels/1.jsonl"):
    status = {"Status": "Enabled"}
    kept.s3.put_bucket_versioning(Bucket=kept.buckets[bucket], VersioningConfiguration=status)
    for body in bodies:
        kept.put(bucket, key, body)
